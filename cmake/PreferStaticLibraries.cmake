# Points the imported targets of gRPC, Abseil, protobuf and their dependencies at the archives that Debian ships beside
# the shared libraries: a program then starts in milliseconds instead of loading sixty shared objects, and can be copied to
# another host. A target without an archive stays as it is.
function(ecgtrain_prefer_static)
  foreach(_target ${ARGN})
    if(NOT TARGET ${_target})
      continue()
    endif()
    foreach(_property IMPORTED_LOCATION IMPORTED_LOCATION_NONE IMPORTED_LOCATION_RELEASE)
      get_target_property(_location ${_target} ${_property})
      if(NOT _location)
        continue()
      endif()
      string(REGEX REPLACE "\\.so[0-9.]*$" ".a" _archive "${_location}")
      if(EXISTS "${_archive}")
        set_target_properties(${_target} PROPERTIES ${_property} "${_archive}")
      endif()
    endforeach()
  endforeach()
endfunction()

get_property(_imported DIRECTORY "${CMAKE_SOURCE_DIR}" PROPERTY IMPORTED_TARGETS)
list(FILTER _imported INCLUDE REGEX "^(absl::|gRPC::|protobuf::lib|c-ares::|re2::|ZLIB::|OpenSSL::)")
ecgtrain_prefer_static(${_imported})
