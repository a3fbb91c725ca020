/* render.h - placeholders in a text; private to template/.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "template/template.h"

enum { PLACEHOLDER_KEY_MAX = 64 };

/* Cuts *text behind its next {{key}}: what stood before it, and its key without spaces. False: there is none, *ret_before is
 * all of it and *text empty. What is no well-formed placeholder is text. */
bool placeholder_next(struct str *text, struct str *ret_before, struct str *ret_key);
