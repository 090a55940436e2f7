# The layers of src/, lowest first. A module may be linked only by modules of a higher layer: portico_module() refuses the
# rest. tests/structure/layers_test.py refuses the same in #include lines. Both read this one list.
set(PORTICO_LAYERS
    base:0
    http:1 json:1 observe:1
    config:2 io:2
    redis:3 upstream:3
    gateway:4
    policy:5 edge:5
    admin:6
    server:7
    cli:8)

# portico_layer(MODULE VARIABLE): the layer of a module.
function(portico_layer module variable)
  foreach(entry IN LISTS PORTICO_LAYERS)
    if(entry MATCHES "^${module}:([0-9]+)$")
      set(${variable} ${CMAKE_MATCH_1} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  message(FATAL_ERROR "module ${module} has no layer: add it to cmake/layers.cmake")
endfunction()
