# Flags that hold for everything.
set(CMAKE_C_STANDARD 11)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# The core's symbols stay inside the module; Extension.cmake exports the few that the server needs.
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
# Lines and functions, for stack traces and profiles; all of -g takes a third longer to compile.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1")

set(MOSAIC_CXX_WARNINGS -Wall -Wextra -Wshadow -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
  # What the optimizer believes, wrongly of std::optional, and differently from version to version.
  list(APPEND MOSAIC_CXX_WARNINGS -Wno-error=maybe-uninitialized)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

# A quarter less to compile, for builds from nothing: ccache would find nothing of them.
set(MOSAIC_STANDARD_HEADERS)
if(MOSAIC_PCH)
  set(MOSAIC_STANDARD_HEADERS <algorithm> <cmath> <cstdint> <cstring> <functional> <map> <memory> <optional> <string> <string_view>
    <unordered_map> <utility> <vector>)
endif()

if(MOSAIC_SANITIZE)
  # Not what AddressSanitizer finds, too: a fifth less to compile.
  add_compile_options(-fsanitize=${MOSAIC_SANITIZE} -fno-sanitize=null,object-size,vptr -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${MOSAIC_SANITIZE})
endif()

if(MOSAIC_FUZZ)
  # The core reports its coverage to libFuzzer; the fuzz targets alone link its main.
  add_compile_options(-fsanitize=fuzzer-no-link)
  add_link_options(-fsanitize=fuzzer-no-link)
endif()
