# Units for systemd and files of settings, from one text each: NAME.service, NAME@.service of which any number can be
# started, and DAEMON.conf, which is made from the daemon's own table. What a unit may do is the same for both daemons
# and stands in sandbox.conf.
#
# They are written as they are installed: only then is it known where (cmake --install --prefix, cpack).

set(deploy_folder ${CMAKE_CURRENT_LIST_DIR})

# A file that has been there before belongs to whoever runs the machine.
install(CODE "
  set(BINARIES \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")
  set(CONFIGURATION \"\${CMAKE_INSTALL_PREFIX}/etc/certstream\")
  if(CMAKE_INSTALL_PREFIX STREQUAL \"/usr\")
    set(CONFIGURATION /etc/certstream)
  endif()
  function(install_configured text name)
    set(file \"\${CMAKE_INSTALL_PREFIX}/lib/systemd/system/\${name}\")
    message(STATUS \"Installing: \$ENV{DESTDIR}\${file}\")
    configure_file(\"\${text}\" \"\$ENV{DESTDIR}\${file}\" @ONLY)
  endfunction()
  function(install_settings file)
    get_filename_component(name \"\${file}\" NAME)
    if(NOT EXISTS \"\$ENV{DESTDIR}\${CONFIGURATION}/\${name}\")
      file(INSTALL \"\${file}\" DESTINATION \"\${CONFIGURATION}\")
    endif()
  endfunction()")

# install_units(DAEMON CAPABILITIES ARGUMENTS): ARGUMENTS are for the template alone.
function(install_units daemon capabilities arguments)
  set(name certstream-${daemon})
  set(text deploy/${name}.service.in)
  set(UNIT_PROGRAM ${name})
  set(UNIT_CAPABILITIES ${capabilities})
  # These two stay what they are until the installation.
  set(BINARIES @BINARIES@)
  set(CONFIGURATION @CONFIGURATION@)
  file(READ ${deploy_folder}/sandbox.conf sandbox)
  string(CONFIGURE "${sandbox}" UNIT_SANDBOX @ONLY)
  configure_file(${text} ${name}.service.in @ONLY)
  set(UNIT_ARGUMENTS " ${arguments}")
  set(UNIT_NUMBER " (%i)")
  set(UNIT_SUFFIX "-%i")
  # What it sets is for this one, and outranks what is for all.
  set(UNIT_ENVIRONMENT "EnvironmentFile=-@CONFIGURATION@/environment-%i\n")
  configure_file(${text} ${name}@.service.in @ONLY)
  install(CODE "
    install_configured(\"${CMAKE_CURRENT_BINARY_DIR}/${name}.service.in\" ${name}.service)
    install_configured(\"${CMAKE_CURRENT_BINARY_DIR}/${name}@.service.in\" ${name}@.service)
    install_settings(\"${CMAKE_CURRENT_BINARY_DIR}/${daemon}.conf\")")

  add_custom_command(
    OUTPUT ${daemon}.conf
    COMMAND ${name} --help-config > ${daemon}.conf
    DEPENDS ${name}
    VERBATIM)
  add_custom_target(${name}-settings ALL DEPENDS ${daemon}.conf)
endfunction()
