# The Debian package certstream-redis and its debugging symbols: cpack -G DEB in the build folder. It has what
# cmake --install installs, below /usr; what it depends on are the libraries that the programs are linked with.
set(PACKAGE_REVISION 1 CACHE STRING "Revision of the Debian package, for several of one version")
set(PACKAGE_CONTACT "certstream <certstream@packages.invalid>" CACHE STRING "Who answers for the Debian package")

set(debian ${CMAKE_CURRENT_LIST_DIR}/debian)
set(documents_folder ${CMAKE_INSTALL_DATADIR}/doc/certstream-redis)
configure_file(${debian}/changelog.in ${CMAKE_CURRENT_BINARY_DIR}/changelog.Debian @ONLY)
foreach(changelog changelog.Debian=${CMAKE_CURRENT_BINARY_DIR}/changelog.Debian changelog=${CMAKE_CURRENT_LIST_DIR}/CHANGELOG.md)
  string(REPLACE "=" ";" changelog ${changelog})
  list(GET changelog 0 name)
  list(GET changelog 1 text)
  add_custom_command(
    OUTPUT package/${name}.gz
    COMMAND ${CMAKE_COMMAND} -E make_directory package
    COMMAND gzip -9n < ${text} > package/${name}.gz
    DEPENDS ${text}
    VERBATIM)
  list(APPEND package_files ${CMAKE_CURRENT_BINARY_DIR}/package/${name}.gz)
endforeach()
add_custom_target(package-documents ALL DEPENDS ${package_files})
install(FILES ${package_files} ${debian}/copyright README.md DESTINATION ${documents_folder})
foreach(folder ingest streamer streamer/monitoring shared redis)
  install(FILES ${folder}/README.md DESTINATION ${documents_folder}/${folder})
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME certstream-redis)
set(CPACK_PACKAGE_CONTACT "${PACKAGE_CONTACT}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Certificate Transparency logs as a stream")
set(CPACK_PACKAGE_DESCRIPTION "Follows the Certificate Transparency logs and streams every TLS certificate
as it is issued, parsed, as JSON, to WebSocket and HTTP clients. What is
published is proven to be in a tree that the log signed. Certificates wait in
a Redis stream with each log's position beside them, so that nothing is lost
when a part restarts.
.
certstream-ingest reads the logs, certstream-streamer serves clients on port
4000; both are set in /etc/certstream and want a Redis, on this machine or
another one. certstream status and certstream doctor say how they do.")
# Into a folder of its own, with the paths of the machine it is for.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${PACKAGE_REVISION})
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, ca-certificates")
# It may be on another machine. valkey-server takes its place where there is one.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "redis-server | valkey-server")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_DEBUGINFO_PACKAGE ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${debian}/postinst ${debian}/prerm ${debian}/postrm ${debian}/conffiles)
include(CPack)
