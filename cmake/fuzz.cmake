# SPDX-License-Identifier: Apache-2.0
# fuzz/fuzz_<name>.c is one libFuzzer program. Everything is linked; what it does not use stays out.

file(GLOB targets CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/fuzz/fuzz_*.c)
foreach(source IN LISTS targets)
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE prosa_flags ${PROSA_MODULE_LIBS} prosa_lib_jansson)
  target_compile_definitions(${name} PRIVATE PROSA_TEST_DIR="${PROJECT_SOURCE_DIR}/tests")
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/fuzz)
endforeach()
