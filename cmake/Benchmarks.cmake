# Benchmarks of the core: each bench/*.cc is one program; tools/bench.sh runs them.
file(GLOB bench_sources CONFIGURE_DEPENDS bench/*.cc)
foreach(source ${bench_sources})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} EXCLUDE_FROM_ALL ${source})
  target_link_libraries(${name} PRIVATE mosaic_core Eigen3::Eigen nlohmann_json::nlohmann_json)
  target_include_directories(${name} PRIVATE bench)
endforeach()
target_link_libraries(steps PRIVATE op_samples) # which every operator runs on
