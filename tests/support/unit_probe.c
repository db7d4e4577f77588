/*
 * Tries what a unit for systemd has to refuse, from within it: started in a daemon's place by
 * tests/package_booted.sh. Prints a line for each thing, and ends with 0 if all were refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static bool can_write(const char *path)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor >= 0)
        (void)close(descriptor);
    return descriptor >= 0;
}

static bool writes_settings(void)
{
    return can_write("/etc/certstream/probe");
}

static bool writes_state(void)
{
    return can_write("/var/lib/probe");
}

static bool writes_programs(void)
{
    return can_write("/usr/bin/probe");
}

static bool writes_kernel_settings(void)
{
    return can_write("/proc/sys/kernel/core_pattern");
}

static bool writes_control_groups(void)
{
    return can_write("/sys/fs/cgroup/probe");
}

static bool reads_homes(void)
{
    return access("/home/somebody/secret", R_OK) == 0 || access("/root/secret", R_OK) == 0;
}

static bool reads_passwords(void)
{
    return access("/etc/shadow", R_OK) == 0;
}

static bool sees_other_processes(void)
{
    return access("/proc/1/cmdline", R_OK) == 0;
}

static bool reads_disks(void)
{
    return mknod("/tmp/disk", S_IFBLK | 0600, 0x800) == 0 || access("/dev/mem", F_OK) == 0;
}

static bool traces_a_process(void)
{
    pid_t child = fork();
    if (child == 0) {
        (void)pause();
        _exit(0);
    }
    bool can = ptrace(PTRACE_ATTACH, child, NULL, NULL) == 0;
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    return can;
}

/* The exit code of a child that runs it: 127 if it could not. */
static bool starts(const char *program)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        execl(program, program, "-c", "exit 0", (char *)NULL);
        _exit(127);
    }
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) != 127;
}

static bool starts_a_shell(void)
{
    return starts("/bin/sh");
}

static bool gains_privileges(void)
{
    return setuid(0) == 0 || starts("/usr/bin/su");
}

static bool makes_files_that_run_as_others(void)
{
    int descriptor = open("/tmp/probe", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    bool can = descriptor >= 0 && fchmod(descriptor, S_ISUID | 0700) == 0;
    (void)close(descriptor);
    return can;
}

static bool makes_code(void)
{
    return mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
           MAP_FAILED;
}

static bool mounts(void)
{
    return mount("none", "/tmp", "tmpfs", 0, NULL) == 0;
}

static bool makes_namespaces(void)
{
    return unshare(CLONE_NEWUSER) == 0 || unshare(CLONE_NEWNET) == 0;
}

static bool opens_raw_sockets(void)
{
    return socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, 1) >= 0 ||
           socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0 ||
           socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0;
}

static bool takes_the_processor(void)
{
    const struct sched_param first = { .sched_priority = 1 };
    return sched_setscheduler(0, SCHED_FIFO, &first) == 0;
}

static bool sets_the_clock(void)
{
    const struct timeval epoch = { 0 };
    return settimeofday(&epoch, NULL) == 0;
}

static bool renames_the_machine(void)
{
    return sethostname("probe", 5) == 0;
}

static bool changes_its_personality(void)
{
    return personality(PER_LINUX32) >= 0;
}

static bool loads_into_the_kernel(void)
{
    return syscall(SYS_init_module, "", 0, "") == 0 || errno == ENOEXEC ||
           syscall(SYS_bpf, 0, NULL, 0) >= 0 || syscall(SYS_keyctl, 0, -3, 0) >= 0;
}

static const struct probe {
    const char *what;
    bool (*can)(void);
} probes[] = {
    { "write its settings", writes_settings },
    { "write to /var", writes_state },
    { "write to /usr", writes_programs },
    { "set the kernel", writes_kernel_settings },
    { "write to control groups", writes_control_groups },
    { "read homes", reads_homes },
    { "read /etc/shadow", reads_passwords },
    { "see other users' processes", sees_other_processes },
    { "reach devices", reads_disks },
    { "trace a process", traces_a_process },
    { "start a shell", starts_a_shell },
    { "gain privileges", gains_privileges },
    { "make a file that runs as another user", makes_files_that_run_as_others },
    { "make memory that is written and run", makes_code },
    { "mount", mounts },
    { "make namespaces", makes_namespaces },
    { "open raw, packet and netlink sockets", opens_raw_sockets },
    { "go before all other processes", takes_the_processor },
    { "set the clock", sets_the_clock },
    { "rename the machine", renames_the_machine },
    { "change its personality", changes_its_personality },
    { "load modules, programs and keys into the kernel", loads_into_the_kernel },
};

int main(void)
{
    int code = EXIT_SUCCESS;
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
        bool can = probes[i].can();
        (void)printf("%s %s\n", can ? "CAN" : "cannot", probes[i].what);
        if (can)
            code = EXIT_FAILURE;
    }
    return code;
}
