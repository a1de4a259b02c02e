# Unit tests of the core (test/unit mirrors src/core), and the fuzz targets.
find_package(GTest REQUIRED)
find_package(Threads REQUIRED)
include(GoogleTest)

file(GLOB_RECURSE unit_sources CONFIGURE_DEPENDS test/unit/*.cc)
list(FILTER unit_sources EXCLUDE REGEX op/samples/) # a library of its own
add_executable(unit_tests ${unit_sources})
target_include_directories(unit_tests PRIVATE test/unit)
# Their own code need not be fast: compiling it takes longer than running it, under sanitizers three times as long. Checks
# stay there, since inline functions of the core are compiled here, too.
set(test_optimization -O1)
if(MOSAIC_SANITIZE)
  set(test_optimization -O0)
  set_source_files_properties(test/unit/kernel/strip_gemm_fast_test.cc PROPERTIES COMPILE_OPTIONS -O1) # its oracles run for minutes
endif()
if(MOSAIC_FUZZ)
  list(APPEND test_optimization -fno-sanitize=fuzzer-no-link) # their coverage guides no fuzzing
endif()
target_compile_options(unit_tests PRIVATE -Wall -Wextra -Werror ${test_optimization})
if(MOSAIC_PCH)
  target_precompile_headers(unit_tests PRIVATE <gtest/gtest.h> <gmock/gmock.h> <random> ${MOSAIC_STANDARD_HEADERS})
  set_source_files_properties(test/unit/kernel/strip_gemm_fast_test.cc PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
endif()
target_compile_definitions(unit_tests PRIVATE
  MOSAIC_TEST_DATA="${CMAKE_SOURCE_DIR}/test/data" MOSAIC_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
target_link_libraries(unit_tests PRIVATE mosaic_core Eigen3::Eigen GTest::gtest GTest::gmock GTest::gtest_main
  Threads::Threads)
# Calls of operators at random.
file(GLOB sample_sources CONFIGURE_DEPENDS test/unit/op/samples/*.cc)
add_library(op_samples STATIC ${sample_sources})
target_include_directories(op_samples PUBLIC test/unit)
target_compile_options(op_samples PRIVATE -Wall -Wextra -Werror ${test_optimization})
target_link_libraries(op_samples PUBLIC mosaic_core)
target_link_libraries(unit_tests PRIVATE op_samples)
gtest_discover_tests(unit_tests TEST_PREFIX unit. DISCOVERY_TIMEOUT 60)

# ONNX's own node cases, of Debian's libonnx-testdata, through the core.
file(GLOB conformance_sources CONFIGURE_DEPENDS test/conformance/*.cc)
add_executable(conformance_tests ${conformance_sources})
target_include_directories(conformance_tests PRIVATE test)
target_compile_options(conformance_tests PRIVATE -Wall -Wextra -Werror)
target_link_libraries(conformance_tests PRIVATE mosaic_core)
set(MOSAIC_ONNX_CASES /usr/share/libonnx-testdata/data/node CACHE PATH "The node cases of ONNX")
add_test(NAME conformance.onnx COMMAND conformance_tests ${MOSAIC_ONNX_CASES}
  ${CMAKE_SOURCE_DIR}/test/conformance)

# Models exported by current tools, and what ONNX Runtime computes with them (test/exports/README.md).
add_executable(exports_tests test/exports/exports_main.cc test/exports/npy_file.cc)
target_include_directories(exports_tests PRIVATE test)
target_compile_options(exports_tests PRIVATE -Wall -Wextra -Werror)
target_link_libraries(exports_tests PRIVATE mosaic_core)
add_test(NAME exports.onnx COMMAND exports_tests ${CMAKE_SOURCE_DIR}/test/exports)

if(MOSAIC_FUZZ)
  # The server's own pglz, which ours is compared with.
  find_program(PG_CONFIG pg_config)
  execute_process(COMMAND ${PG_CONFIG} --pkglibdir OUTPUT_VARIABLE pg_pkglibdir OUTPUT_STRIP_TRAILING_WHITESPACE)
  find_library(PG_COMMON pgcommon HINTS ${pg_pkglibdir} ${pg_pkglibdir}/.. REQUIRED)
  file(GLOB fuzz_sources CONFIGURE_DEPENDS test/fuzz/*_fuzz.cc)
  foreach(source ${fuzz_sources})
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} ${source})
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_libraries(${name} PRIVATE mosaic_core)
    if(name STREQUAL "pglz_fuzz")
      target_link_libraries(${name} PRIVATE ${PG_COMMON})
    elseif(name STREQUAL "op_fuzz")
      target_link_libraries(${name} PRIVATE op_samples)
    endif()
  endforeach()
endif()
