# SPDX-License-Identifier: Apache-2.0
# What travels inside the program: prosa_lib_migrations, prosa_lib_descriptions and prosa_lib_assets.

set(embed ${PROJECT_SOURCE_DIR}/cmake/embed.cmake)
set(gen ${PROJECT_BINARY_DIR}/gen)

file(CONFIGURE OUTPUT ${gen}/migrations/migrations.h @ONLY CONTENT [[
/* migrations.h - the numbered SQL files of migrations/, inside the program (generated). */
#pragma once

#include <stddef.h>

/* NUMBER_name.sql is for both engines, NUMBER_name.sqlite.sql and NUMBER_name.postgres.sql are a
 * pair. Sorted by number; sql ends with a NUL that len does not count; sha256 is in hex. */
struct migration_file {
    int number;
    const char *name;
    const char *engine; /* "", "sqlite" or "postgres" */
    const char *sql;
    size_t len;
    const char *sha256;
};

extern const struct migration_file migration_files[];
extern const size_t migration_files_count;
]])
file(CONFIGURE OUTPUT ${gen}/descriptions/descriptions.h @ONLY CONTENT [[
/* descriptions.h - what the API's routes take and answer, subject by subject (generated from
 * src/<module>/api_*.json). */
#pragma once

#include <stddef.h>

struct description {
    const char *path; /* "/console/api_message.json" */
    const unsigned char *data;
    size_t len;
    const char *etag;
};

extern const struct description descriptions_table[]; /* sorted by path */
extern const size_t descriptions_count;
]])
file(CONFIGURE OUTPUT ${gen}/assets/assets.h @ONLY CONTENT [[
/* assets.h - the console's files, inside the program (generated from web/dist). */
#pragma once

#include <stddef.h>

struct asset {
    const char *path; /* "/index.html" */
    const unsigned char *data;
    size_t len;
    const char *etag; /* the quoted SHA-256, ready for the header */
};

extern const struct asset assets_table[]; /* sorted by path */
extern const size_t assets_count;         /* 0 when built without a console */
]])

function(prosa_embed_library kind)
  add_library(prosa_lib_${kind} STATIC ${gen}/${kind}/table.c ${gen}/${kind}/table.S)
  target_link_libraries(prosa_lib_${kind} PRIVATE prosa_flags)
endfunction()

file(GLOB migrations CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/migrations/*.sql)
add_custom_command(
  OUTPUT ${gen}/migrations/table.c ${gen}/migrations/table.S
  COMMAND ${CMAKE_COMMAND} -D KIND=migrations -D DIR=${PROJECT_SOURCE_DIR}/migrations
          -D OUT=${gen}/migrations/table -P ${embed}
  DEPENDS ${migrations} ${embed}
  COMMENT "Embedding migrations/" VERBATIM)
prosa_embed_library(migrations)

file(GLOB descriptions CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*/api_*.json)
add_custom_command(
  OUTPUT ${gen}/descriptions/table.c ${gen}/descriptions/table.S
  COMMAND ${CMAKE_COMMAND} -D KIND=descriptions -D DIR=${PROJECT_SOURCE_DIR}/src
          -D OUT=${gen}/descriptions/table -P ${embed}
  DEPENDS ${descriptions} ${embed}
  COMMENT "Embedding the API's description" VERBATIM)
prosa_embed_library(descriptions)

set(dist ${PROJECT_BINARY_DIR}/no-web)
set(web_inputs "")
set(web_command "")
if(PROSA_WEB AND EXISTS ${PROJECT_SOURCE_DIR}/web/package.json)
  set(dist ${PROJECT_SOURCE_DIR}/web/dist)
  # Not web/** at once: that would walk node_modules on every build.
  file(GLOB web_top CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/web/*.json
       ${PROJECT_SOURCE_DIR}/web/*.ts ${PROJECT_SOURCE_DIR}/web/*.mjs
       ${PROJECT_SOURCE_DIR}/web/*.html)
  file(GLOB_RECURSE web_tree CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/web/src/*
       ${PROJECT_SOURCE_DIR}/web/public/*)
  set(web_inputs ${web_top} ${web_tree} ${PROJECT_SOURCE_DIR}/scripts/web-build.sh)
  set(web_command COMMAND ${PROJECT_SOURCE_DIR}/scripts/web-build.sh)
endif()
add_custom_command(
  OUTPUT ${gen}/assets/table.c ${gen}/assets/table.S
  ${web_command}
  COMMAND ${CMAKE_COMMAND} -D KIND=assets -D DIR=${dist} -D OUT=${gen}/assets/table -P ${embed}
  DEPENDS ${web_inputs} ${embed}
  COMMENT "Embedding the console" VERBATIM)
prosa_embed_library(assets)
