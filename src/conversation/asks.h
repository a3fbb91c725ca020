/* asks.h - does the customer ask for a person, in Portuguese or English? Pure; private to conversation/ (and its tests).
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/arena.h"
#include "base/str.h"

/* Careful: a plain request, not talk about people, sellers or robots. Scratch memory comes from a. */
bool asks_for_person(struct arena *a, struct str text);
