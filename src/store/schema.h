/* schema.h - every table and index of the three kinds of file, as data.
 * SPDX-License-Identifier: MIT
 *
 * The definition in schema.c is the truth: a new file is made from it, an old one is migrated step by step
 * (schema_migrate.h), and at every open the file's own schema is compared with it one to one. */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include "store/db.h"
#include "store/schema_migrate.h"

typedef enum schema_kind { SCHEMA_VAULT, SCHEMA_DIRECTORY, SCHEMA_DROP } schema_kind;

/* One table or index. */
typedef struct schema_object {
    const char *name;
    const char *sql; /* the CREATE statement */
} schema_object;

typedef struct schema {
    const char *word;        /* for messages: "vault" */
    uint32_t application_id; /* PRAGMA application_id: `file` can tell the decrypted image */
    uint32_t version;        /* PRAGMA user_version of this program */
    const schema_object *objects;
    size_t objects_count;
    const schema_step *steps; /* steps[n - 1] goes from version n to n + 1: version - 1 of them */
} schema;

const schema *schema_of(schema_kind kind);

/* To be called right after db_open. An empty file (also one that a crash left empty) is filled, if `create`. An older
 * version is migrated, unless the connection is read-only (LL_EREADONLY). LL_ECORRUPT: the file is of another kind, or
 * its schema differs: *why (may be NULL) names the object. LL_EVERSION: made by a newer program, not touched. */
LL_MUST_USE ll_status schema_open(db *d, schema_kind kind, bool create, text *why);
/* The same for any definition. */
LL_MUST_USE ll_status schema_open_as(db *d, const schema *definition, bool create, text *why);
/* Only compare. */
LL_MUST_USE ll_status schema_check(db *d, const schema *definition, text *why);

#endif
