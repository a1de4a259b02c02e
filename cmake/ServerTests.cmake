# Tests against private servers: pg_regress, isolation specs, TAP. No install and no root: the
# extension is staged under build/stage and found through Debian's extension_destdir, or since 18 PostgreSQL's own settings.
get_filename_component(PGXS_DIR ${PG_pgxs} DIRECTORY)
get_filename_component(PGXS_SRC ${PGXS_DIR} DIRECTORY)
find_program(PG_REGRESS pg_regress HINTS ${PGXS_SRC}/test/regress REQUIRED)
find_program(PG_ISOLATION pg_isolation_regress HINTS ${PGXS_SRC}/test/isolation REQUIRED)
find_program(PROVE prove REQUIRED)
find_program(NM nm REQUIRED)

set(STAGE ${CMAKE_BINARY_DIR}/stage)
set(test_conf ${CMAKE_BINARY_DIR}/test.conf)
# No autovacuum: its snapshots would decide what is pruned, and so how large a table is.
if(PG_MAJOR LESS 18)
  set(find_stage "extension_destdir = '${STAGE}'")
else()
  set(find_stage "extension_control_path = '${STAGE}${PG_sharedir}:$system'\ndynamic_library_path = '${STAGE}${PG_pkglibdir}:$libdir'")
endif()
file(WRITE ${test_conf} "${find_stage}\nfsync = off\nautovacuum = off\nmax_prepared_transactions = 2\nmosaic_test.data = '${CMAKE_SOURCE_DIR}/test/data'\n")
add_test(NAME stage COMMAND ${CMAKE_COMMAND} -E env DESTDIR=${STAGE}
  ${CMAKE_COMMAND} --install ${CMAKE_BINARY_DIR})
set_tests_properties(stage PROPERTIES FIXTURES_SETUP stage)

# Every file of test/sql and test/specs is run: nothing can be missing from a schedule.
function(mosaic_names out dir pattern)
  file(GLOB files CONFIGURE_DEPENDS ${dir}/${pattern})
  list(SORT files)
  set(names)
  foreach(f ${files})
    get_filename_component(n ${f} NAME_WE)
    list(APPEND names ${n})
  endforeach()
  set(${out} ${names} PARENT_SCOPE)
endfunction()
mosaic_names(regress_tests ${CMAKE_SOURCE_DIR}/test/sql *.sql)
mosaic_names(isolation_tests ${CMAKE_SOURCE_DIR}/test/specs *.spec)

set(regress_options --no-locale --encoding=UTF8 --bindir=${PG_bindir} --temp-config=${test_conf}
  --inputdir=${CMAKE_SOURCE_DIR}/test)
# The time limits of PostgreSQL's test modules, whole sessions among them since 16, are for idle machines.
set(test_env "MOSAIC_TEST_DATA=${CMAKE_SOURCE_DIR}/test/data;PG_TEST_TIMEOUT_DEFAULT=900")
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/regress ${CMAKE_BINARY_DIR}/isolation)
add_test(NAME sql.regress COMMAND ${PG_REGRESS} ${regress_options}
  --temp-instance=${CMAKE_BINARY_DIR}/tmp_regress --outputdir=${CMAKE_BINARY_DIR}/regress ${regress_tests})
add_test(NAME sql.isolation COMMAND ${PG_ISOLATION} ${regress_options}
  --load-extension=pg_mosaic
  --temp-instance=${CMAKE_BINARY_DIR}/tmp_isolation --outputdir=${CMAKE_BINARY_DIR}/isolation
  ${isolation_tests})
set_tests_properties(sql.regress sql.isolation PROPERTIES FIXTURES_REQUIRED stage TIMEOUT 900
  ENVIRONMENT "${test_env}")

# The recipes of docs/recipes, with the output that is printed there.
mosaic_names(recipes ${CMAKE_SOURCE_DIR}/docs/recipes/sql *.sql)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/recipes)
add_test(NAME sql.recipes COMMAND ${PG_REGRESS} --no-locale --encoding=UTF8 --bindir=${PG_bindir} --temp-config=${test_conf}
  --inputdir=${CMAKE_SOURCE_DIR}/docs/recipes --temp-instance=${CMAKE_BINARY_DIR}/tmp_recipes
  --outputdir=${CMAKE_BINARY_DIR}/recipes ${recipes})
set_tests_properties(sql.recipes PROPERTIES FIXTURES_REQUIRED stage TIMEOUT 300
  ENVIRONMENT "MOSAIC_RECIPES=${CMAKE_SOURCE_DIR}/docs/recipes/data;PG_TEST_TIMEOUT_DEFAULT=900")

# Preloaded into servers whose disk runs full, or loses what was not synced.
add_library(chaos_disk MODULE ${CMAKE_SOURCE_DIR}/bench/chaos/disk.c)
set_target_properties(chaos_disk PROPERTIES PREFIX "")
target_link_libraries(chaos_disk PRIVATE ${CMAKE_DL_LIBS})

# Older PostgreSQL versions beside this one, from which stores are upgraded to it: each gets a module over the same core.
string(REPLACE "/${PG_MAJOR}/" "/*/" pg_configs ${PG_bindir}/pg_config)
file(GLOB pg_configs ${pg_configs})
list(SORT pg_configs COMPARE NATURAL)
set(older_postgresqls)
foreach(pg_config ${pg_configs})
  execute_process(COMMAND ${pg_config} --includedir-server OUTPUT_VARIABLE older_headers OUTPUT_STRIP_TRAILING_WHITESPACE)
  get_filename_component(older_bindir ${pg_config} DIRECTORY)
  string(REGEX MATCH "/([0-9]+)/bin$" older ${older_bindir})
  set(older ${CMAKE_MATCH_1})
  if(older STREQUAL "" OR older LESS 15 OR NOT older LESS PG_MAJOR OR NOT EXISTS ${older_headers}/postgres.h OR NOT EXISTS ${older_bindir}/initdb)
    continue()
  endif()
  set(build ${CMAKE_BINARY_DIR}/older-${older})
  list(APPEND older_postgresqls "${older}\t${older_bindir}\t${build}/test.conf")
  add_test(NAME stage.${older} COMMAND ${CMAKE_CTEST_COMMAND} --build-and-test ${CMAKE_SOURCE_DIR} ${build}
    --build-generator ${CMAKE_GENERATOR} --build-noclean --build-target pg_mosaic --build-target sql_script
    --build-options -DPG_CONFIG=${pg_config} -DMOSAIC_CORE=$<TARGET_FILE:mosaic_core> -DCMAKE_BUILD_TYPE=${CMAKE_BUILD_TYPE}
    --test-command ${CMAKE_COMMAND} -E env DESTDIR=${build}/stage ${CMAKE_COMMAND} --install ${build})
  set_tests_properties(stage.${older} PROPERTIES FIXTURES_SETUP older COST 90)
endforeach()

file(GLOB tap_tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/test/t/*.pl)
if(NOT EXISTS ${PG_sharedir}/extension/vector.control)
  list(FILTER tap_tests EXCLUDE REGEX "/[0-9]+_pgvector\\.pl$")
endif()
if(NOT EXISTS /usr/sbin/haproxy OR NOT EXISTS /usr/sbin/pgbouncer)
  list(FILTER tap_tests EXCLUDE REGEX "/[0-9]+_proxies\\.pl$")
endif()
if(NOT PG_MAJOR GREATER 15) # nothing older is supported
  list(FILTER tap_tests EXCLUDE REGEX "/[0-9]+_older_postgresql\\.pl$")
endif()
foreach(test ${tap_tests})
  get_filename_component(name ${test} NAME_WE)
  add_test(NAME tap.${name} COMMAND ${CMAKE_SOURCE_DIR}/test/run_tap.sh ${CMAKE_BINARY_DIR}/tap/${name}
    ${PROVE} -I ${PGXS_SRC}/test/perl -I ${CMAKE_SOURCE_DIR}/test/t --verbose ${test})
  set_tests_properties(tap.${name} PROPERTIES FIXTURES_REQUIRED stage TIMEOUT 1200
    ENVIRONMENT "${test_env};MOSAIC_CHAOS_DISK=$<TARGET_FILE:chaos_disk>;TESTDIR=${CMAKE_BINARY_DIR}/tap/${name};TESTDATADIR=${CMAKE_BINARY_DIR}/tap/${name}/data;TESTLOGDIR=${CMAKE_BINARY_DIR}/tap/${name}/log;TEMP_CONFIG=${test_conf};PG_REGRESS=${PG_REGRESS};PGPORT=65432"
    ENVIRONMENT_MODIFICATION "PATH=path_list_prepend:${PG_bindir}"
    FAIL_REGULAR_EXPRESSION "NOTESTS")
endforeach()
if(PG_MAJOR GREATER 15)
  string(REPLACE ";" "\n" older_postgresqls "${older_postgresqls}")
  set_tests_properties(tap.044_older_postgresql PROPERTIES FIXTURES_REQUIRED "stage;older" COST 60)
  set_property(TEST tap.044_older_postgresql APPEND PROPERTY ENVIRONMENT "MOSAIC_OLDER=${older_postgresqls}")
endif()

# The longest begin first, so that none of them runs alone at the end. In seconds.
set(long_tests tap.140_chaos 110 sql.regress 75 tap.120_cache_bound 70 tap.100_batching_random 56 tap.060_large_import 52 tap.050_cancel 40
  tap.125_tampering 100 sql.isolation 30)
while(long_tests)
  list(POP_FRONT long_tests name seconds)
  set_tests_properties(${name} PROPERTIES COST ${seconds})
endwhile()

add_test(NAME module.symbols COMMAND ${CMAKE_SOURCE_DIR}/test/check_symbols.sh ${NM} $<TARGET_FILE:pg_mosaic>
  ${CMAKE_SOURCE_DIR}/test/symbols.txt)
add_test(NAME module.versions COMMAND ${CMAKE_SOURCE_DIR}/test/check_versions.sh ${PROJECT_VERSION} ${CMAKE_SOURCE_DIR})
