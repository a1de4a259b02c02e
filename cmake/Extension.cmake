# The PostgreSQL module: the C shim of src/pg linked with the core, and the SQL script.
find_program(PG_CONFIG pg_config REQUIRED)
foreach(name version includedir-server pkglibdir sharedir bindir pgxs)
  string(MAKE_C_IDENTIFIER PG_${name} var)
  execute_process(COMMAND ${PG_CONFIG} --${name} OUTPUT_VARIABLE ${var}
    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
endforeach()

string(REGEX MATCH "[0-9]+" PG_MAJOR ${PG_version})

file(GLOB_RECURSE shim_sources CONFIGURE_DEPENDS src/pg/*.c)
add_library(pg_mosaic MODULE ${shim_sources})
target_include_directories(pg_mosaic PRIVATE include src/pg src/pg/store src/pg/model src/pg/predict src/pg/plan src/pg/dedup src/pg/cache src/pg/stat src/pg/text)
target_include_directories(pg_mosaic SYSTEM PRIVATE ${PG_includedir_server})
target_compile_definitions(pg_mosaic PRIVATE
  MOSAIC_VERSION="${PROJECT_VERSION}" MOSAIC_CATALOG_VERSION=${MOSAIC_CATALOG_VERSION})
target_compile_options(pg_mosaic PRIVATE -Wall -Wmissing-prototypes -Wpointer-arith
  -Wno-declaration-after-statement -Werror -fwrapv -fno-strict-aliasing -fexcess-precision=standard)
target_link_libraries(pg_mosaic PRIVATE mosaic_core)
target_link_options(pg_mosaic PRIVATE
  -Wl,--version-script=${CMAKE_SOURCE_DIR}/src/pg/exports.map -Wl,--no-undefined-version)
set_target_properties(pg_mosaic PROPERTIES PREFIX "" LINKER_LANGUAGE CXX
  LINK_DEPENDS ${CMAKE_SOURCE_DIR}/src/pg/exports.map)

# The SQL script is the numbered pieces of sql/, joined in order.
file(GLOB sql_pieces CONFIGURE_DEPENDS sql/[0-9]*.sql)
list(SORT sql_pieces)
set(sql_script ${CMAKE_BINARY_DIR}/pg_mosaic--${PROJECT_VERSION}.sql)
add_custom_command(OUTPUT ${sql_script}
  COMMAND sed s/@MOSAIC_CATALOG_VERSION@/${MOSAIC_CATALOG_VERSION}/ ${sql_pieces} > ${sql_script}
  DEPENDS ${sql_pieces} VERBATIM)

# The upgrade from the release before: CONTRIBUTING.md, "Changes of sql/".
find_package(Perl REQUIRED)
file(GLOB upgrade CONFIGURE_DEPENDS sql/upgrade/pg_mosaic--*--${PROJECT_VERSION}.sql)
if(NOT upgrade MATCHES "/(pg_mosaic--([^;/]*)--[^;/]*[.]sql)$")
  message(FATAL_ERROR "sql/upgrade must have one script to version ${PROJECT_VERSION}")
endif()
set(upgrade_script ${CMAKE_BINARY_DIR}/${CMAKE_MATCH_1})
set(released ${CMAKE_SOURCE_DIR}/sql/frozen/pg_mosaic--${CMAKE_MATCH_2}.sql)
set(join ${CMAKE_SOURCE_DIR}/sql/upgrade/join.pl)
add_custom_command(OUTPUT ${upgrade_script}
  COMMAND ${PERL_EXECUTABLE} ${join} ${released} ${upgrade} < ${sql_script} > ${upgrade_script}
  DEPENDS ${join} ${released} ${upgrade} ${sql_script} VERBATIM)
add_custom_target(sql_script ALL DEPENDS ${sql_script} ${upgrade_script})
file(GLOB frozen_scripts CONFIGURE_DEPENDS sql/frozen/*.sql)
configure_file(sql/pg_mosaic.control.in pg_mosaic.control @ONLY)

install(TARGETS pg_mosaic DESTINATION ${PG_pkglibdir})
install(FILES ${CMAKE_BINARY_DIR}/pg_mosaic.control ${sql_script} ${upgrade_script} ${frozen_scripts}
  DESTINATION ${PG_sharedir}/extension)
