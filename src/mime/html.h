/* html.h - HTML to the text that a reader sees, for search and previews. Not for display: nothing here makes HTML safe.
 * SPDX-License-Identifier: MIT
 *
 * Tags, comments, and what stands in script, style, template and the like go; block elements become line ends;
 * character references are decoded; white space runs become one space; alt and title texts of images stay. Streaming:
 * pieces of any size, bounded memory, linear time, and how the bytes were cut makes no difference. */
#ifndef MIME_HTML_H
#define MIME_HTML_H

#include "base/text.h"

enum {
    html_name_max = 16,     /* kept of an element's or attribute's name: longer ones mean nothing to us */
    html_reference_max = 32 /* "&CounterClockwiseContourIntegral;" has 33, ours are shorter */
};

typedef enum html_state {
    HTML_TEXT,
    HTML_REFERENCE, /* behind '&' */
    HTML_TAG_OPEN,  /* behind '<' */
    HTML_TAG_NAME,
    HTML_TAG,       /* between attributes */
    HTML_ATTRIBUTE, /* in an attribute's name */
    HTML_EQUALS,    /* behind it */
    HTML_VALUE,     /* in its value; quote says which kind */
    HTML_MARKUP,    /* behind "<!", "<?" or "</" and no letter: up to '>' */
    HTML_COMMENT    /* in <!-- --> */
} html_state;

/* Start with {0}. Fields are private. */
typedef struct mime_html {
    html_state state;
    bool closing;      /* the tag began with "</" */
    bool raw;          /* in an element whose content is not shown, up to its end tag; its name is in `hidden` */
    bool space, line;  /* white space, a line end is due before the next word */
    bool said;         /* something was written */
    bool keep;         /* the value is text: alt or title */
    bool resume_value; /* the reference stands in a value */
    char quote;        /* of the value; 0: none */
    unsigned dashes;   /* of a comment's beginning or end */
    size_t name_size, attribute_size, reference_size;
    char name[html_name_max], attribute[html_name_max], hidden[html_name_max], reference[html_reference_max];
} mime_html;

/* UTF-8 in, UTF-8 appended. */
void mime_html_push(mime_html *html, ll_span utf8, text *out);
void mime_html_finish(mime_html *html, text *out);

#endif
