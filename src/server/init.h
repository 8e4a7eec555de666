/* init.h - `letterlock init`: a new data directory.
 * SPDX-License-Identifier: MIT */
#ifndef SERVER_INIT_H
#define SERVER_INIT_H

#include "base/text.h"

typedef struct init_options {
    const char *data;
    const char *domain;
    const char *hostname; /* NULL: the domain */
    uint32_t port_base;   /* 0: the standard ports; else 127.0.0.1:port_base + standard port */
} init_options;

/* Makes the directory, the server key, the configuration file, a self-signed certificate, and the stores with the
 * domain in them. What it made is durable when it returns. LL_EEXISTS: the directory is in use already, nothing was
 * changed; LL_EINVAL; others as the file system says. `error` has sentences for the operator. */
LL_MUST_USE ll_status init_run(const init_options *options, text *error);

#endif
