# portico_module(NAME DEPS <modules> PACKAGES <pkg_ targets> [SUBDIRS <folders>])
#
# One folder of src/ as one static library `portico_NAME`, with what stands beside its sources:
#   *_test.cc   one test binary `NAME_test`
#   *_bench.cc  one micro-benchmark binary each (not built by default; target `benches`)
#   *_fuzz.cc   one fuzzer each. With PORTICO_FUZZ it is a libFuzzer binary (target `fuzzers`); otherwise the same function
#               is linked with a main that replays its corpus folder, which runs as an ordinary test.
# A dependency of the same or a higher layer is refused.
add_custom_target(fuzzers)
add_custom_target(benches)

function(portico_module name)
  cmake_parse_arguments(M "" "" "DEPS;PACKAGES;SUBDIRS" ${ARGN})
  portico_layer(${name} own)
  foreach(dep IN LISTS M_DEPS)
    portico_layer(${dep} layer)
    if(NOT layer LESS own)
      message(FATAL_ERROR "${name} (layer ${own}) may not link ${dep} (layer ${layer}): includes go strictly downward")
    endif()
  endforeach()

  set(globs ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cc)
  foreach(sub IN LISTS M_SUBDIRS)
    list(APPEND globs ${CMAKE_CURRENT_SOURCE_DIR}/${name}/${sub}/*.cc)
  endforeach()
  file(GLOB all CONFIGURE_DEPENDS ${globs})
  set(sources ${all})
  list(FILTER sources EXCLUDE REGEX "(_(test|bench|fuzz)|/main)\\.cc$")
  set(tests ${all})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  set(benches ${all})
  list(FILTER benches INCLUDE REGEX "_bench\\.cc$")
  set(fuzzers ${all})
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")

  if(sources)
    add_library(portico_${name} STATIC ${sources})
    set(kind PUBLIC)
  else()
    add_library(portico_${name} INTERFACE)
    set(kind INTERFACE)
  endif()
  target_include_directories(portico_${name} ${kind} ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/generated)
  foreach(dep IN LISTS M_DEPS)
    target_link_libraries(portico_${name} ${kind} portico_${dep})
  endforeach()
  if(M_PACKAGES)
    target_link_libraries(portico_${name} ${kind} ${M_PACKAGES})
  endif()
  if(sources)
    portico_headers(portico_${name})
  endif()

  if(tests)
    # A model takes as many steps as its time allows, so it is compiled as what it tests is, and linked first, that its copies of inline
    # functions are the ones that count. The other tests are compiled without optimization, in a third of the time.
    set(models ${tests})
    list(FILTER models INCLUDE REGEX "_model_test\\.cc$")
    list(FILTER tests EXCLUDE REGEX "_model_test\\.cc$")
    set(model_objects)
    if(models)
      add_library(${name}_models OBJECT ${models})
      target_link_libraries(${name}_models PRIVATE portico_${name} GTest::gtest GTest::gmock)
      portico_test_warnings(${name}_models)
      portico_headers(${name}_models)
      set(model_objects $<TARGET_OBJECTS:${name}_models>)
    endif()
    add_executable(${name}_test ${model_objects} ${tests})
    target_link_libraries(${name}_test portico_${name} GTest::gtest GTest::gmock GTest::gtest_main)
    # Only where it is used: it keeps an object from serving another checkout.
    foreach(file IN LISTS models tests)
      file(STRINGS ${file} uses REGEX PORTICO_SOURCE_DIR LIMIT_COUNT 1)
      if(uses)
        set_property(SOURCE ${file} APPEND PROPERTY COMPILE_DEFINITIONS PORTICO_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
      endif()
    endforeach()
    portico_test_warnings(${name}_test)
    portico_test_headers(${name}_test)
    add_test(NAME ${name} COMMAND ${name}_test)
  endif()
  foreach(file IN LISTS benches)
    get_filename_component(stem ${file} NAME_WE)
    add_executable(${stem} EXCLUDE_FROM_ALL ${file})
    target_link_libraries(${stem} portico_${name} benchmark::benchmark benchmark::benchmark_main)
    add_dependencies(benches ${stem})
  endforeach()
  foreach(file IN LISTS fuzzers)
    get_filename_component(stem ${file} NAME_WE)
    get_filename_component(dir ${file} DIRECTORY)
    string(REGEX REPLACE "_fuzz$" "_corpus" corpus ${stem})
    if(PORTICO_FUZZ)
      add_executable(${stem} EXCLUDE_FROM_ALL ${file})
      target_link_options(${stem} PRIVATE -fsanitize=fuzzer)
      add_dependencies(fuzzers ${stem})
    else()
      add_executable(${stem} ${file} ${CMAKE_SOURCE_DIR}/tests/support/replay_corpus.cc)
      add_test(NAME ${stem} COMMAND ${stem} ${dir}/${corpus})
    endif()
    target_link_libraries(${stem} portico_${name})
  endforeach()
endfunction()

set(standard_headers
    <algorithm> <array> <atomic> <bit> <charconv> <chrono> <concepts> <coroutine> <cstddef> <cstdint> <cstring>
    <expected> <functional> <map> <memory> <optional> <span> <string> <string_view> <tuple> <type_traits>
    <unordered_map> <utility> <variant> <vector>)

set(standard_headers
    <algorithm> <array> <atomic> <bit> <charconv> <chrono> <concepts> <coroutine> <cstddef> <cstdint> <cstring>
    <expected> <functional> <map> <memory> <optional> <span> <string> <string_view> <tuple> <type_traits>
    <unordered_map> <utility> <variant> <vector>)

# The precompiled standard headers, compiled once for the libraries and reused.
function(portico_headers target)
  if(NOT TARGET portico_pch)
    portico_precompiled(portico_pch ${standard_headers})
  endif()
  target_compile_options(${target} PRIVATE -Xclang -fno-pch-timestamp)
  target_precompile_headers(${target} REUSE_FROM portico_pch)
endfunction()

# Those of the tests: with the test framework's, and without optimization, as the tests themselves.
function(portico_test_headers target)
  if(NOT TARGET portico_test_pch)
    portico_precompiled(portico_test_pch ${standard_headers} <random> <sstream> <thread> <gmock/gmock.h> <gtest/gtest.h>)
    target_link_libraries(portico_test_pch PRIVATE GTest::gtest GTest::gmock)
    target_compile_options(portico_test_pch PRIVATE -O0)
  endif()
  target_compile_options(${target} PRIVATE -O0 -Xclang -fno-pch-timestamp)
  target_precompile_headers(${target} REUSE_FROM portico_test_pch)
endfunction()

# portico_precompiled(NAME HEADERS…)
function(portico_precompiled name)
  # Written only where it differs: its time decides whether everything is built again.
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/${name}.cc CONTENT "// Precompiled headers only.\n")
  add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/generated/${name}.cc)
  target_precompile_headers(${name} PRIVATE ${ARGN})
  target_compile_options(${name} PRIVATE -Xclang -fno-pch-timestamp)
endfunction()

# What is written often in tests and is wrong in the gateway.
function(portico_test_warnings target)
  target_compile_options(${target} PRIVATE -Wno-old-style-cast -Wno-conversion -Wno-missing-designated-field-initializers)
endfunction()
