# SPDX-License-Identifier: Apache-2.0
# What every target of ours is compiled with. Presets add to it by PROSA_CFLAGS and PROSA_LDFLAGS,
# which go to the linker's command line and the compiler's; no CMake build type is used, because
# those would bring -DNDEBUG along and our asserts stay on.

add_library(prosa_flags INTERFACE)

target_compile_features(prosa_flags INTERFACE c_std_17)
target_include_directories(prosa_flags INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_BINARY_DIR}/gen)
target_compile_definitions(prosa_flags INTERFACE _GNU_SOURCE)

set(c_options
    -Wall -Wextra -Werror -Wshadow -Wconversion -Wno-sign-conversion -Wformat=2 -Wundef -Wvla
    -Wcast-qual -Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes -Wnull-dereference
    -fno-strict-aliasing -fno-common -fvisibility=hidden -fstack-protector-strong
    # __FILE__ is part of an error's story: name the file in the tree, not on the building machine.
    -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  list(APPEND c_options -Wlogical-op -Wduplicated-cond -Wformat-signedness)
else()
  # clang counts assert(!"why") among the conversions.
  list(APPEND c_options -Wno-string-conversion)
endif()
if(EXISTS ${PROJECT_SOURCE_DIR}/src/base/banned.h)
  list(APPEND c_options -include ${PROJECT_SOURCE_DIR}/src/base/banned.h)
endif()

separate_arguments(cflags NATIVE_COMMAND "${PROSA_CFLAGS}")
separate_arguments(ldflags NATIVE_COMMAND "${PROSA_LDFLAGS}")
# The doors to C++ libraries throw nothing at C.
set(cxx_options -Wall -Wextra -Werror -Wshadow -fno-strict-aliasing -fvisibility=hidden
    -fstack-protector-strong -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)
target_compile_options(prosa_flags INTERFACE "$<$<COMPILE_LANGUAGE:C>:${c_options};${cflags}>"
                                             "$<$<COMPILE_LANGUAGE:CXX>:${cxx_options};${cflags}>")
target_link_options(prosa_flags INTERFACE ${cflags} ${ldflags})
