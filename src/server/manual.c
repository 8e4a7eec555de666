/* manual.c - see manual.h
 * SPDX-License-Identifier: MIT */
#include "server/manual.h"

#include "server/operation.h"

static void head(const char *name, const char *section, const char *what, text *out)
{
    text_print(out, ".TH %s %s \"\" \"Letterlock " LETTERLOCK_VERSION "\"\n.SH NAME\n%s \\- %s\n", name, section, name,
               what);
}

static void operation_page(const operation *op, text *out)
{
    text_print(out, ".SS letterlock %s%s%s\n%s\n", op->group, *op->group ? " " : "", op->name, op->help);
    for (const argument *a = op->arguments; a->name; a++) {
        if (a->kind == ARGUMENT_POSITION)
            text_print(out, ".TP\n.I %s\n%s\n", a->value, a->help);
        else
            text_print(out, ".TP\n.B \\-\\-%s%s%s\n%s\n", a->name, a->value ? " " : "", a->value ? a->value : "",
                       a->help);
    }
}

static void page_commands(text *out)
{
    head("letterlock", "1", "mail server whose mailboxes only their owners can open", out);
    text_add_str(out, ".SH SYNOPSIS\n.B letterlock\n.I COMMAND\n.B \\-\\-data\n.I DIR\n[...]\n.SH DESCRIPTION\n"
                      "Every command works the same whether the server runs (then it is asked through the control "
                      "socket in the data\n"
                      "directory) or not. Errors go to standard error and say what to do. Exit status: 0 done, 1 "
                      "failed, 2 wrong use.\n"
                      ".SH COMMANDS\n.SS letterlock init\nMake a new data directory.\n"
                      ".TP\n.B \\-\\-domain DOMAIN\nthe first domain to take mail for\n"
                      ".TP\n.B \\-\\-hostname HOST\nthe name of this machine in DNS; otherwise the domain\n"
                      ".TP\n.B \\-\\-port\\-base N\nlisten on 127.0.0.1 only, on N + the standard port\n"
                      ".SS letterlock serve\nRun the server in the foreground, see letterlock(8).\n");
    for (size_t i = 0; i < operation_table_count; i++)
        operation_page(&operation_table[i], out);
    text_add_str(out, ".SH SEE ALSO\nletterlock(8), letterlock.conf(5)\n");
}

static void page_server(text *out)
{
    head("letterlock", "8", "run the mail server", out);
    text_add_str(out,
                 ".SH SYNOPSIS\n.B letterlock serve \\-\\-data\n.I DIR\n.SH DESCRIPTION\n"
                 "Runs in the foreground. Prints one line on standard output when every listener accepts:\n"
                 ".PP\n.B ready\n.I name=address:port ...\n.PP\n"
                 "and one line an event on standard error: time, session, event, key=value pairs. The log names "
                 "aliases by their id, never\n"
                 "by address, and holds nothing of any message.\n"
                 ".SH SIGNALS\n.TP\n.B SIGTERM, SIGINT\nfinish what was begun, say goodbye to the clients, and end\n"
                 ".TP\n.B SIGHUP\nread settings and certificate again; a settings file with faults changes nothing\n"
                 ".SH FILES\n.TP\n.I DIR/letterlock.conf\nsettings, see letterlock.conf(5)\n"
                 ".TP\n.I DIR/server.key\nguards directory and waiting mail against a stolen disk: back it up, apart "
                 "from the rest\n"
                 ".TP\n.I DIR/directory.sqlite\ndomains, aliases and their wrapped keys (encrypted)\n"
                 ".TP\n.I DIR/drop.sqlite\nmail for locked vaults, sealed to its owners (encrypted)\n"
                 ".TP\n.I DIR/vaults/\none encrypted file per alias, with a random name\n"
                 ".SH SEE ALSO\nletterlock(1), letterlock.conf(5)\n");
}

static void page_settings(text *out)
{
    head("letterlock.conf", "5", "settings of the Letterlock mail server", out);
    text_add_str(out, ".SH DESCRIPTION\nLines\n.B name = value\nwith comments that begin with #. A setting that is not "
                      "in the file has its "
                      "default. Faults are all\nreported at start, with file and line, and the server does not "
                      "start.\n.SH SETTINGS\n");
    config_manual(out);
    text_add_str(out, ".SH SEE ALSO\nletterlock(1), letterlock(8)\n");
}

bool manual_print(const char *page, text *out)
{
    if (strcmp(page, "letterlock.1") == 0)
        page_commands(out);
    else if (strcmp(page, "letterlock.8") == 0)
        page_server(out);
    else if (strcmp(page, "letterlock.conf.5") == 0)
        page_settings(out);
    else
        return false;
    return true;
}
