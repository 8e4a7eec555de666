/* limits.c - the defaults of the limits table in the public header.
 * SPDX-License-Identifier: MIT */
#include "letterlock.h"

void ll_limits_init(ll_limits *limits)
{
    *limits = (ll_limits){.size = sizeof *limits,
#define X(field, value, reason) .field = (value),
                          LL_LIMITS_TABLE(X)
#undef X
    };
}
