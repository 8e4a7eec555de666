/* cli.h - the command line: `letterlock COMMAND --data DIR ...`.
 * SPDX-License-Identifier: MIT */
#ifndef SERVER_CLI_H
#define SERVER_CLI_H

/* main's arguments; returns the exit status: 0 done, 1 failed, 2 the command line was wrong. */
int cli_main(int argc, char **argv);

#endif
