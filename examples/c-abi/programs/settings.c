/* The settings of clients and servers: tokens that change, callbacks for what happens, bounds, a server that is a child process,
 * a configuration file, certificates.
 *
 *     settings FOLDER      a folder to write into
 *     settings --serve     serves its standard input and output, as the child process of the former
 *
 * Exit code 0: each setting did what its comment says, and nothing was left behind.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "left.h"
#include "mcp.h"

#define TEXT(literal) (literal), (sizeof(literal) - 1)

static int wrong = 0;

static void expect(const char *what, mcp_status wanted, mcp_status found, const mcp_error *error) {
    if (wanted != found) {
        printf("%s: status %d in place of %d%s%s\n", what, (int)found, (int)wanted, error == NULL ? "" : ": ",
            error == NULL ? "" : error->message);
        wrong = 1;
    }
}

static void expect_part(const char *what, const char *text, const char *part) {
    if (text == NULL || strstr(text, part) == NULL) {
        printf("%s: no `%s` in: %s\n", what, part, text == NULL ? "nothing" : text);
        wrong = 1;
    }
}

/* Looks into a result, and frees it. */
static void expect_in(const char *what, mcp_status status, mcp_string *found, const mcp_error *error, const char *part) {
    expect(what, MCP_STATUS_OK, status, error);
    if (status == MCP_STATUS_OK) {
        expect_part(what, found->data, part);
    }
    mcp_string_free(found);
}

/* ---- The server ---- */

static void whoami(void *userdata, mcp_call call) {
    const char *revision = NULL;
    size_t length = 0;
    char text[128];
    const char *variable = getenv("SETTINGS_WORD");
    (void)userdata;
    mcp_call_revision(call, &revision, &length);
    mcp_call_log(call, 3, TEXT("somebody asks"));
    snprintf(text, sizeof text, "%.*s, session %s, %s", (int)length, revision, mcp_call_session(call) != 0 ? "yes" : "no",
        variable == NULL ? "" : variable);
    mcp_call_tools_changed(call);
    mcp_call_prompts_changed(call);
    mcp_call_resources_changed(call);
    mcp_call_reply_text(call, text, MCP_NUL_TERMINATED);
}

static void refuse(void *how, mcp_call call) {
    if (*(const char *)how == 'a') {
        mcp_call_fail_arguments(call, TEXT("these will not do"));
    } else {
        mcp_call_fail_rpc(call, 77, TEXT("not today"));
    }
}

static void about(void *userdata, mcp_call call) {
    (void)userdata;
    mcp_call_reply_text(call, TEXT("about this"));
}

static void praise(void *userdata, mcp_call call) {
    (void)userdata;
    mcp_call_reply_text(call, TEXT("Praise it."));
}

/* The second argument knows the first. */
static void propose(void *userdata, mcp_completion completion) {
    const char *name = NULL, *earlier = NULL;
    size_t name_length = 0, earlier_length = 0;
    (void)userdata;
    mcp_completion_argument(completion, &name, &name_length);
    mcp_completion_earlier(completion, TEXT("drink"), &earlier, &earlier_length);
    mcp_completion_propose(completion, name, name_length);
    if (earlier != NULL) {
        mcp_completion_propose(completion, earlier, earlier_length);
    }
}

static mcp_server make_server(void) {
    mcp_server server = {0};
    mcp_error error;
    expect("a server", MCP_STATUS_OK, mcp_server_new(TEXT("settings"), TEXT("1.0.0"), &server, &error), &error);
    mcp_server_instructions(server, TEXT("Be kind."));
    mcp_server_add_tool(server, TEXT("whoami"), NULL, 0, NULL, 0, 0, whoami, NULL, NULL);
    mcp_server_add_tool(server, TEXT("refuse_arguments"), NULL, 0, NULL, 0, 0, refuse, (void *)"arguments", NULL);
    mcp_server_add_tool(server, TEXT("refuse"), NULL, 0, NULL, 0, 0, refuse, (void *)"rpc", NULL);
    mcp_server_add_resource_with(server, TEXT("tiny:about"), TEXT("about"), TEXT("text/plain"), about, NULL, NULL);
    mcp_server_add_prompt_json(server, TEXT("{\"name\":\"praise\",\"arguments\":[{\"name\":\"drink\"},{\"name\":\"cup\"}]}"), 0,
        praise, propose, NULL, NULL, NULL);
    return server;
}

static void *serve(void *bound) {
    mcp_error error;
    expect("serving", MCP_STATUS_OK, mcp_bound_run(*(mcp_bound *)bound, &error), &error);
    return NULL;
}

/* ---- The client ---- */

/* What the callbacks of a client heard. They run on threads of its own. */
typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t heard;
    int logs, changes, states, lines, asked, refused;
} ears;

static void hear(ears *all, int *what) {
    pthread_mutex_lock(&all->lock);
    *what += 1;
    pthread_cond_broadcast(&all->heard);
    pthread_mutex_unlock(&all->lock);
}

static void wait_until_heard(ears *all, const int *what, int times) {
    pthread_mutex_lock(&all->lock);
    while (*what < times) {
        pthread_cond_wait(&all->heard, &all->lock);
    }
    pthread_mutex_unlock(&all->lock);
}

static void on_log(void *userdata, int32_t level, const char *text, size_t length) {
    ears *all = (ears *)userdata;
    if (level == 3 && length == 13 && memcmp(text, "somebody asks", 13) == 0) {
        hear(all, &all->logs);
    }
}

static void on_notification(void *userdata, const char *method, size_t method_length, const char *params, size_t params_length) {
    ears *all = (ears *)userdata;
    (void)params;
    (void)params_length;
    if (method_length > 13 && memcmp(method, "notifications", 13) == 0) {
        hear(all, &all->changes);
    }
}

static void on_state(void *userdata, int32_t state, uint32_t attempt) {
    ears *all = (ears *)userdata;
    (void)attempt;
    if (state == 1) {
        hear(all, &all->states);
    }
}

/* On any thread. */
static void on_line(void *userdata, int32_t level, const char *text, size_t length) {
    ears *all = (ears *)userdata;
    size_t i;
    (void)level;
    for (i = 0; i + 6 <= length; i++) {
        if (memcmp(text + i, "secret", 6) == 0) {
            printf("a secret in the log\n");
            wrong = 1;
        }
    }
    hear(all, &all->lines);
}

/* An old token first; another one when the server refuses it. */
static void give_token(void *userdata, mcp_credentials credentials) {
    ears *all = (ears *)userdata;
    const char *url = NULL, *challenge = NULL;
    size_t url_length = 0, challenge_length = 0;
    mcp_credentials_resource(credentials, &url, &url_length);
    mcp_credentials_challenge(credentials, &challenge, &challenge_length);
    if (url_length < 7 || memcmp(url, "http://", 7) != 0 || mcp_credentials_time_left(credentials) == 0) {
        printf("credentials for nothing\n");
        wrong = 1;
    }
    hear(all, &all->asked);
    if (mcp_credentials_refused(credentials) == 401) {
        if (challenge_length < 6 || memcmp(challenge, "Bearer", 6) != 0) {
            printf("no challenge\n");
            wrong = 1;
        }
        hear(all, &all->refused);
    }
    expect("a token", MCP_STATUS_OK,
        all->refused > 0 ? mcp_credentials_header(credentials, TEXT("Authorization"), TEXT("Bearer new-secret"))
                         : mcp_credentials_bearer(credentials, TEXT("old-secret")),
        NULL);
    expect("a token, again", MCP_STATUS_STATE, mcp_credentials_fail(credentials, TEXT("x")), NULL);
}

static void give_none(void *userdata, mcp_credentials credentials) {
    (void)userdata;
    mcp_credentials_fail(credentials, TEXT("the safe is closed"));
}

static mcp_options options_for(const char *url) {
    mcp_options options = {0};
    mcp_error error;
    expect("options", MCP_STATUS_OK, mcp_options_new(url, MCP_NUL_TERMINATED, &options, &error), &error);
    expect("no proxy", MCP_STATUS_OK, mcp_options_no_proxy(options), NULL);
    expect("a deadline", MCP_STATUS_OK, mcp_options_call_timeout(options, 30000), NULL);
    return options;
}

static void over_http(const char *url, const char *trace, ears *all) {
    mcp_options options = options_for(url);
    mcp_client client = {0};
    mcp_string text = {NULL, 0};
    mcp_error error;
    expect("credentials", MCP_STATUS_OK, mcp_options_on_credentials(options, give_token, all, NULL), NULL);
    expect("a revision", MCP_STATUS_OK, mcp_options_revision(options, TEXT("2025-11-25")), NULL);
    expect("a transport", MCP_STATUS_OK, mcp_options_transport(options, 2), NULL);
    expect("a transport that is none", MCP_STATUS_USAGE, mcp_options_transport(options, 9), NULL);
    expect("connecting in time", MCP_STATUS_OK, mcp_options_connect_timeout(options, 10000), NULL);
    expect("an endpoint in time", MCP_STATUS_OK, mcp_options_endpoint_timeout(options, 10000), NULL);
    expect("silence", MCP_STATUS_OK, mcp_options_idle_timeout(options, -1), NULL);
    expect("a header", MCP_STATUS_OK, mcp_options_header(options, TEXT("X-Tenant"), TEXT("secret-north")), NULL);
    expect("a name", MCP_STATUS_OK, mcp_options_client_info(options, TEXT("tour"), TEXT("2.0")), NULL);
    expect("bounds", MCP_STATUS_OK, mcp_options_max_message_bytes(options, 64 * 1024), NULL);
    expect("connections", MCP_STATUS_OK, mcp_options_max_connections(options, 4, 2), NULL);
    expect("a trace", MCP_STATUS_OK, mcp_options_trace_file(options, trace, MCP_NUL_TERMINATED), NULL);
    expect("staying", MCP_STATUS_OK, mcp_options_reconnect(options, 100, 3), NULL);
    expect("roots", MCP_STATUS_OK, mcp_options_add_root(options, NULL, 0, NULL, 0), NULL);
    expect("logs", MCP_STATUS_OK, mcp_options_on_log(options, on_log, all, NULL), NULL);
    expect("notifications", MCP_STATUS_OK, mcp_options_on_notification(options, on_notification, all, NULL), NULL);
    expect("states", MCP_STATUS_OK, mcp_options_on_state(options, on_state, all, NULL), NULL);
    expect("connecting", MCP_STATUS_OK, mcp_client_connect(options, &client, &error), &error);
    mcp_options_free(options);

    wait_until_heard(all, &all->states, 1);
    expect("a level", MCP_STATUS_OK, mcp_client_set_log_level(client, 1, &error), &error);
    expect_in("whoami", mcp_client_call(client, TEXT("whoami"), NULL, 0, NULL, &text, &error), &text, &error, "2025-11-25, session yes");
    wait_until_heard(all, &all->logs, 1);
    wait_until_heard(all, &all->changes, 3);
    expect_in("a refusal", mcp_client_call(client, TEXT("refuse_arguments"), NULL, 0, NULL, &text, &error), &text, &error,
        "these will not do");
    expect("an error", MCP_STATUS_RPC, mcp_client_call(client, TEXT("refuse"), NULL, 0, NULL, &text, &error), NULL);
    expect_part("an error", error.rpc_code == 77 ? error.message : NULL, "not today");
    expect_in("instructions", mcp_client_instructions(client, &text, &error), &text, &error, "Be kind.");
    expect_in("capabilities", mcp_client_capabilities(client, &text, &error), &text, &error, "\"tools\":");
    expect_in("the revision", mcp_client_revision(client, &text, &error), &text, &error, "2025-11-25");
    expect_in("who it is", mcp_client_server_info(client, &text, &error), &text, &error, "\"settings\"");
    expect_in("the connection", mcp_client_connection(client, &text, &error), &text, &error, "Streamable HTTP");
    expect_in("the resources", mcp_client_resources(client, &text, &error), &text, &error, "tiny:about");
    expect_in("a resource", mcp_client_read_resource(client, TEXT("tiny:about"), &text, &error), &text, &error, "about this");
    expect_in("the prompts", mcp_client_prompts(client, &text, &error), &text, &error, "praise");
    expect_in("any request", mcp_client_request(client, TEXT("tools/list"), NULL, 0, &text, &error), &text, &error, "whoami");
    expect_in("a completion with what was filled in",
        mcp_client_request_with(client, TEXT("completion/complete"),
            TEXT("{\"ref\":{\"type\":\"ref/prompt\",\"name\":\"praise\"},\"argument\":{\"name\":\"cup\",\"value\":\"\"},"
                 "\"context\":{\"arguments\":{\"drink\":\"tea\"}}}"), NULL, &text, &error), &text, &error, "[\"cup\",\"tea\"]");
    expect("other roots", MCP_STATUS_OK, mcp_client_set_roots(client, TEXT("[{\"uri\":\"file:///srv\"}]"), &error), &error);
    expect("a root that is none", MCP_STATUS_USAGE, mcp_client_set_roots(client, TEXT("[{\"uri\":\"http://x/\"}]"), &error), NULL);
    expect("roots that changed", MCP_STATUS_OK, mcp_client_tell_roots_changed(client, &error), &error);
    expect("any notification", MCP_STATUS_OK, mcp_client_notify(client, TEXT("notifications/hello"), NULL, 0, &error), &error);
    expect_in("metrics", mcp_client_metrics(client, &text, &error), &text, &error, "# EOF");
    if (mcp_client_is_connected(client) != 1 || all->refused != 1 || all->lines == 0) {
        printf("connected %d, refused %d, lines %d\n", mcp_client_is_connected(client), all->refused, all->lines);
        wrong = 1;
    }
    mcp_client_free(client);
}

/* Why a client cannot connect, in words that name the setting and show no secret. */
static void refusals(const char *url) {
    static const char *const nonsense = "no certificate";
    mcp_client client = {0};
    mcp_options options;
    mcp_error error;
    options = options_for(url);
    mcp_options_on_credentials(options, give_none, NULL, NULL);
    expect("no credentials", MCP_STATUS_CREDENTIALS, mcp_client_connect(options, &client, &error), NULL);
    expect_part("no credentials", error.message, "the safe is closed");
    mcp_options_free(options);

    options = options_for("https://127.0.0.1:1/mcp");
    if (mcp_options_pin_certificate(options, nonsense, MCP_NUL_TERMINATED) == MCP_STATUS_OK) {
        expect("authorities", MCP_STATUS_OK, mcp_options_root_certificates(options, nonsense, MCP_NUL_TERMINATED), NULL);
        expect("more authorities", MCP_STATUS_OK, mcp_options_add_root_certificates(options, nonsense, MCP_NUL_TERMINATED), NULL);
        expect("a certificate", MCP_STATUS_OK,
            mcp_options_client_certificate(options, nonsense, MCP_NUL_TERMINATED, TEXT("a secret")), NULL);
        expect("a pin that is none", MCP_STATUS_USAGE, mcp_client_connect(options, &client, &error), NULL);
        expect_part("a pin that is none", error.message, "certificate");
        expect_part("a pin that is none", strstr(error.message, "secret") == NULL ? "hidden" : "shown", "hidden");
    } else {
        /* A library without TLS says so. */
        mcp_options_problem(options, &error);
        expect_part("a pin without TLS", error.message, "`tls`");
        expect("https without TLS", MCP_STATUS_USAGE, mcp_client_connect(options, &client, &error), NULL);
    }
    mcp_options_free(options);

    options = options_for(url);
    mcp_options_bearer(options, TEXT("old-secret"));
    expect("a token that is refused", MCP_STATUS_HTTP, mcp_client_connect(options, &client, &error), NULL);
    expect_part("a token that is refused", error.http_status == 401 ? "401" : error.message, "401");
    mcp_options_free(options);

    options = options_for(url);
    expect("a proxy", MCP_STATUS_OK, mcp_options_proxy(options, TEXT("gopher://secret@x")), NULL);
    expect("a proxy that is none", MCP_STATUS_USAGE, mcp_client_connect(options, &client, &error), NULL);
    expect_part("a proxy that is none", strstr(error.message, "secret") == NULL ? error.message : "a secret", "`proxy`");
    mcp_options_free(options);
}

static void a_child_process(const char *program, const char *folder) {
    mcp_options options = {0};
    mcp_client client = {0};
    mcp_string text = {NULL, 0};
    mcp_error error;
    expect("a program", MCP_STATUS_OK, mcp_options_spawn(program, MCP_NUL_TERMINATED, &options, &error), &error);
    expect("an argument", MCP_STATUS_OK, mcp_options_argument(options, TEXT("--serve")), NULL);
    expect("a variable", MCP_STATUS_OK, mcp_options_env(options, TEXT("SETTINGS_WORD"), TEXT("plain")), NULL);
    expect("a variable of ours", MCP_STATUS_OK, mcp_options_pass_env(options, TEXT("HOME")), NULL);
    expect("a folder", MCP_STATUS_OK, mcp_options_current_dir(options, folder, MCP_NUL_TERMINATED), NULL);
    expect("time to end", MCP_STATUS_OK, mcp_options_grace(options, 10000), NULL);
    expect("starting", MCP_STATUS_OK, mcp_client_connect(options, &client, &error), &error);
    mcp_options_free(options);
    expect_in("whoami", mcp_client_call(client, TEXT("whoami"), NULL, 0, NULL, &text, &error), &text, &error, "plain");
    mcp_client_free(client);
}

/* A file as Claude and others have it. */
static void a_configuration_file(const char *url, const char *folder) {
    mcp_options options = {0};
    mcp_client client = {0};
    mcp_error error;
    char path[512];
    FILE *file;
    snprintf(path, sizeof path, "%s/mcp.json", folder);
    file = fopen(path, "w");
    if (file == NULL) {
        perror(path);
        wrong = 1;
        return;
    }
    fprintf(file, "{\"mcpServers\":{\"here\":{\"url\":\"%s\",\"headers\":{\"Authorization\":\"Bearer new-secret\"}}}}", url);
    fclose(file);
    expect("a server that is not in it", MCP_STATUS_CONFIG,
        mcp_options_from_config(path, MCP_NUL_TERMINATED, TEXT("there"), &options, &error), NULL);
    expect_part("a server that is not in it", error.message, "here");
    expect("a server of it", MCP_STATUS_OK,
        mcp_options_from_config(path, MCP_NUL_TERMINATED, TEXT("here"), &options, &error), &error);
    expect("connecting to it", MCP_STATUS_OK, mcp_client_connect(options, &client, &error), &error);
    mcp_options_free(options);
    expect("a sign of life", MCP_STATUS_OK, mcp_client_ping(client, &error), &error);
    mcp_client_free(client);
    remove(path);
}

int main(int argc, char **argv) {
    const counts before = count_all();
    mcp_server server;
    mcp_bound bound = {0};
    mcp_string url = {NULL, 0};
    mcp_error error;
    pthread_t serving;
    char trace[512];
    static ears all;
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    server = make_server();
    if (strcmp(argv[1], "--serve") == 0) {
        expect("serving", MCP_STATUS_OK, mcp_server_serve_stdio(server, &error), &error);
        mcp_server_free(server);
        return wrong;
    }
    pthread_mutex_init(&all.lock, NULL);
    pthread_cond_init(&all.heard, NULL);
    expect("the log", MCP_STATUS_OK, mcp_log_to(on_line, &all, NULL, 4), NULL);
    expect("the log, again", MCP_STATUS_STATE, mcp_log_to(on_line, &all, NULL, 4), NULL);

    expect("a token", MCP_STATUS_OK, mcp_server_bearer(server, TEXT("new-secret")), NULL);
    expect("a host", MCP_STATUS_OK, mcp_server_allow_host(server, TEXT("tools.example")), NULL);
    expect("an origin", MCP_STATUS_OK, mcp_server_allow_origin(server, TEXT("https://tools.example")), NULL);
    expect("limits", MCP_STATUS_OK, mcp_server_limits(server, 64, 16, 1 << 20), NULL);
    expect("binding", MCP_STATUS_OK, mcp_server_bind(server, TEXT("127.0.0.1:0"), &bound, &error), &error);
    mcp_server_free(server);
    mcp_bound_url(bound, &url, NULL);
    pthread_create(&serving, NULL, serve, &bound);
    snprintf(trace, sizeof trace, "%s/trace.txt", argv[1]);

    over_http(url.data, trace, &all);
    refusals(url.data);
    a_child_process(argv[0], argv[1]);
    a_configuration_file(url.data, argv[1]);
    remove(trace);

    mcp_string_free(&url);
    mcp_bound_stop(bound);
    pthread_join(serving, NULL);
    mcp_bound_free(bound);
    expect("the log, silent", MCP_STATUS_OK, mcp_log_to(NULL, NULL, NULL, 0), NULL);
    wrong |= is_something_left(before);
    if (!wrong) {
        printf("each setting of version %s did its work\n", mcp_version());
    }
    return wrong;
}
