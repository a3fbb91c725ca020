# SPDX-License-Identifier: Apache-2.0
# The outside libraries, by the short names that modules.txt uses: prosa_lib_<name>.

find_package(PkgConfig REQUIRED)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

function(prosa_library name pkg)
  pkg_check_modules(pc_${name} REQUIRED IMPORTED_TARGET ${pkg})
  add_library(prosa_lib_${name} INTERFACE)
  target_link_libraries(prosa_lib_${name} INTERFACE PkgConfig::pc_${name})
endfunction()

add_library(prosa_lib_threads INTERFACE)
target_link_libraries(prosa_lib_threads INTERFACE Threads::Threads)
add_library(prosa_lib_m INTERFACE)
target_link_libraries(prosa_lib_m INTERFACE m)
prosa_library(jansson jansson) # tests, fuzzing and bench only: the judge of json/
prosa_library(crypto libcrypto)
prosa_library(sodium libsodium)
prosa_library(sqlite sqlite3)
prosa_library(pq libpq)
prosa_library(microhttpd libmicrohttpd)
prosa_library(curl libcurl)
prosa_library(gmime gmime-3.0)
prosa_library(zip libzip)
prosa_library(z zlib)
prosa_library(expat expat)

# Debian's libwslay-dev brings no pkg-config file.
find_path(WSLAY_INCLUDE_DIR wslay/wslay.h REQUIRED)
find_library(WSLAY_LIBRARY wslay REQUIRED)
mark_as_advanced(WSLAY_INCLUDE_DIR WSLAY_LIBRARY)
add_library(prosa_lib_wslay INTERFACE)
target_include_directories(prosa_lib_wslay SYSTEM INTERFACE ${WSLAY_INCLUDE_DIR})
target_link_libraries(prosa_lib_wslay INTERFACE ${WSLAY_LIBRARY})

# Nor does libstemmer-dev.
find_path(STEMMER_INCLUDE_DIR libstemmer.h REQUIRED)
find_library(STEMMER_LIBRARY stemmer REQUIRED)
mark_as_advanced(STEMMER_INCLUDE_DIR STEMMER_LIBRARY)
add_library(prosa_lib_stemmer INTERFACE)
target_include_directories(prosa_lib_stemmer SYSTEM INTERFACE ${STEMMER_INCLUDE_DIR})
target_link_libraries(prosa_lib_stemmer INTERFACE ${STEMMER_LIBRARY})

# Nor does libphonenumber-dev.
find_path(PHONENUMBER_INCLUDE_DIR phonenumbers/phonenumberutil.h REQUIRED)
find_library(PHONENUMBER_LIBRARY phonenumber REQUIRED)
mark_as_advanced(PHONENUMBER_INCLUDE_DIR PHONENUMBER_LIBRARY)
add_library(prosa_lib_phonenumber INTERFACE)
target_include_directories(prosa_lib_phonenumber SYSTEM INTERFACE ${PHONENUMBER_INCLUDE_DIR})
target_link_libraries(prosa_lib_phonenumber INTERFACE ${PHONENUMBER_LIBRARY})
