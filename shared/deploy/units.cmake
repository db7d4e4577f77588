# Units for systemd from one text: NAME.service, and NAME@.service of which any number can be started. What
# a unit may do is the same for both daemons and stands in sandbox.conf.

# install_units(NAME TEXT CAPABILITIES ARGUMENTS): ARGUMENTS are for the template alone.
function(install_units name text capabilities arguments)
  set(UNIT_PROGRAM ${name})
  set(UNIT_CAPABILITIES ${capabilities})
  file(READ ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/sandbox.conf sandbox)
  string(CONFIGURE "${sandbox}" UNIT_SANDBOX @ONLY)
  configure_file(${text} ${name}.service @ONLY)
  set(UNIT_ARGUMENTS " ${arguments}")
  set(UNIT_NUMBER " (%i)")
  set(UNIT_SUFFIX "-%i")
  # What it sets is for this one, and outranks what is for all.
  set(UNIT_ENVIRONMENT "EnvironmentFile=-/etc/certstream/environment-%i\n")
  configure_file(${text} ${name}@.service @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${name}.service ${CMAKE_CURRENT_BINARY_DIR}/${name}@.service
    DESTINATION lib/systemd/system)
endfunction()
