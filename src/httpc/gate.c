/* gate.c - who may be reached under which setting of the gate.
 * SPDX-License-Identifier: Apache-2.0 */
#include "httpc/httpc.h"

bool gate_permits(enum gate gate, enum reach reach) {
    switch (reach) {
    case REACH_UNSET:
        return false;
    case REACH_MACHINE:
        return true;
    case REACH_REPLY:
        return gate == GATE_REPLIES || gate == GATE_ALL;
    case REACH_CAMPAIGN:
        return gate == GATE_ALL;
    }
    return false;
}

const char *gate_name(enum gate gate) {
    switch (gate) {
    case GATE_OFF:
        return "off";
    case GATE_REPLIES:
        return "replies";
    case GATE_ALL:
        return "all";
    }
    return "off";
}

bool gate_parse(struct str s, enum gate *ret) {
    for (enum gate g = GATE_OFF; g <= GATE_ALL; g++) {
        if (str_eq(s, str_of(gate_name(g)))) {
            *ret = g;
            return true;
        }
    }
    return false;
}
