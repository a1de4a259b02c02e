# The core: C++17, knows nothing of PostgreSQL.
find_library(UTF8PROC_LIBRARY utf8proc REQUIRED)
find_library(PCRE2_LIBRARY pcre2-8 REQUIRED)

if(MOSAIC_CORE)
  # Only the module is built, in C.
  add_library(mosaic_core STATIC IMPORTED)
  set_target_properties(mosaic_core PROPERTIES IMPORTED_LOCATION ${MOSAIC_CORE})
  target_link_libraries(mosaic_core INTERFACE ${UTF8PROC_LIBRARY} ${PCRE2_LIBRARY})
  return()
endif()
find_package(Eigen3 REQUIRED NO_MODULE)
find_package(nlohmann_json 3 REQUIRED)

file(GLOB_RECURSE core_sources CONFIGURE_DEPENDS src/core/*.cc)
add_library(mosaic_core STATIC ${core_sources})
target_include_directories(mosaic_core PUBLIC include src)
target_compile_options(mosaic_core PRIVATE ${MOSAIC_CXX_WARNINGS})
# Kernels over virtual lanes: loops are vectorised, and fused where the source says so only (src/core/kernel/vector/simd.inc).
# Under sanitizers they are not: their bits do not depend on it, and Clang takes minutes for what it then has to guard.
# GCC 12 takes the undefined operands in its own intrinsics for mistakes.
set(vector_optimization -O3)
if(MOSAIC_SANITIZE)
  set(vector_optimization -O1)
endif()
file(GLOB vector_sources CONFIGURE_DEPENDS src/core/kernel/vector/*.cc)
set_source_files_properties(${vector_sources} PROPERTIES
  COMPILE_OPTIONS "${vector_optimization};-ffp-contract=off;-Wno-uninitialized;$<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>;$<$<CXX_COMPILER_ID:Clang>:-Wno-pass-failed>")
if(MOSAIC_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  # In unrolled code of many lanes UBSan's checks make Clang take minutes for a file; ASan's stay.
  set_property(SOURCE ${vector_sources} src/core/kernel/fast/tiles.cc APPEND PROPERTY COMPILE_OPTIONS -fno-sanitize=undefined)
endif()
if(MOSAIC_PCH)
  target_precompile_headers(mosaic_core PRIVATE ${MOSAIC_STANDARD_HEADERS})
  # Flags of their own.
  set_source_files_properties(${vector_sources} src/core/kernel/fast/tiles.cc PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
endif()
target_link_libraries(mosaic_core PRIVATE Eigen3::Eigen nlohmann_json::nlohmann_json
  ${UTF8PROC_LIBRARY} ${PCRE2_LIBRARY})
