# shellcheck shell=sh
# For scripts that work in a bare Debian of their own, so that nothing of this machine is changed or helps: a folder that
# debootstrap fills with a minimal system. To be sourced; wants root, debootstrap and $source, the checkout.

# debian_suite 12|13
debian_suite() {
    case ${1:-} in
    12) echo bookworm ;;
    13) echo trixie ;;
    *) return 1 ;;
    esac
}

# The first archive of Debian itself that this machine's own apt uses.
debian_archive() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | sed -n '
        s/^URIs: *\([^ ]*\/debian\)\/\{0,1\}$/\1/p
        s/^deb  *\(\[[^]]*] \)\{0,1\}\([^ ]*\/debian\)\/\{0,1\} .*/\2/p' | head -n 1
}

# debian_make FOLDER 12|13: once; a folder that is there stays as it is.
debian_make() {
    if [ ! -e "$1/ready" ]; then
        uri=$(debian_archive)
        [ -n "$uri" ] || { echo "no Debian archive in this machine's apt configuration" >&2; exit 1; }
        mkdir -p "$1"
        debootstrap --variant=minbase "$(debian_suite "$2")" "$1" "$uri"
        # It need not survive a power failure.
        echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/unsafe-io"
        touch "$1/ready"
    fi
    # Left out by debootstrap; names are looked up in it.
    echo '127.0.0.1 localhost' >"$1/etc/hosts"
    cp /etc/resolv.conf "$1/etc/resolv.conf"
}

# debian_copy FROM TO: a system as it is before anything is installed.
debian_copy() {
    rm -rf "$2"
    cp -a "$1" "$2"
}

# debian_put_sources FOLDER: the checkout as FOLDER/source, all as new.
debian_put_sources() {
    rm -rf "$1/source"
    mkdir "$1/source"
    # shellcheck disable=SC2154 # whose script it is
    tar -C "$source" --exclude=./.git --exclude='./build*' --exclude=./var -cf - . | tar -C "$1/source" -xmf -
}

# debian_run FOLDER COMMAND...: there, with a /proc that goes away with the command.
debian_run() {
    there=$1
    shift
    unshare --mount --pid --fork --mount-proc="$there/proc" chroot "$there" \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

# debian_install FOLDER PACKAGE...
debian_install() {
    there=$1
    shift
    debian_run "$there" apt-get -q update
    debian_run "$there" apt-get -qy --no-install-recommends install "$@"
}
