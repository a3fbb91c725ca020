/* attr.h - the compiler attributes the house uses, under names that say what they promise.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#define ATTR_MUST_CHECK        __attribute__((warn_unused_result))
#define ATTR_CLEANUP(fn)       __attribute__((cleanup(fn)))
#define ATTR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ATTR_NORETURN          __attribute__((noreturn))
#define ATTR_NONNULL_RETURN    __attribute__((returns_nonnull))
#define ATTR_UNUSED            __attribute__((unused))

/* Moves a pointer out of a cleanup variable, so that the caller owns it from here on. */
#define TAKE(ptr)                                                                                  \
    (__extension__({                                                                               \
        __typeof__(ptr) taken = (ptr);                                                             \
        (ptr) = NULL;                                                                              \
        taken;                                                                                     \
    }))

#define ARRAY_LEN(array)                (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
