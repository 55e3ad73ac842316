/* The Model Context Protocol for C: a client and a server, without an async runtime.
 *
 * Generated from examples/c-abi/src; do not edit. `tests/c_abi_header.rs` fails when the two differ. C99 and later, C++11
 * and later.
 *
 * Handles. An object is a number in a struct, made by a function that ends in `_new` (or `_connect`, `_bind`, `_listen`,
 * `_defer` and the like) and given back with one that ends in `_free`. No handle is a pointer: one that was freed, was
 * never made, or belongs to another kind of object is answered with MCP_STATUS_HANDLE, and freeing it again does nothing.
 * Any thread may use any handle, several at once, unless its comment says otherwise; an object that is freed while another
 * thread uses it ends when that thread is done. Handles that a callback is given are good until it returns, and are not
 * freed.
 *
 * Text in is UTF-8 with its length; MCP_NUL_TERMINATED as the length has it end with its first NUL. The library keeps no
 * pointer of the caller's after a function has returned. Text out is an mcp_string, which the caller frees with
 * mcp_string_free; or, where a comment says how long it is good, a pointer and a length, which are not freed, and no NUL
 * stands behind them.
 *
 * Errors. Functions return an mcp_status, whose numbers are fixed for ever. Most take an mcp_error as their last argument,
 * which is the caller's own and may be NULL: it gets the message and what else is known. Of those that take none
 * `mcp_last_problem` tells it, on the same thread; of settings `mcp_options_problem` and `mcp_server_problem` do, on any.
 * No panic leaves the library.
 *
 * Callbacks get `userdata` back as it was given. The comment of each says on which thread it runs. `release`, where there
 * is one and it is not NULL, is called once when the library has no more use for `userdata`; also when the function that it
 * was given to fails. No callback may end by longjmp or a C++ exception.
 *
 * Numbers: durations are in milliseconds, sizes in bytes.
 */


#ifndef MCP_H
#define MCP_H

#include <stddef.h>
#include <stdint.h>

/* As a length: the text ends with its first NUL. */
#define MCP_NUL_TERMINATED SIZE_MAX

// Bytes of a message, with the NUL at its end. Messages of the library are shorter; what a server says is cut.
#define MCP_ERROR_MESSAGE 1024

// What became of a call of a function. The numbers are fixed for ever; new ones are added at the end.
enum mcp_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // It worked. A tool that failed says so in its result, with `isError`.
  MCP_STATUS_OK = 0,
  // The caller's mistake: an address, a name, an argument that cannot be used. Nothing was sent.
  MCP_STATUS_USAGE = 1,
  // The server answered with a JSON-RPC error: see `rpc_code`.
  MCP_STATUS_RPC = 2,
  // The server broke the protocol.
  MCP_STATUS_PEER = 3,
  // The server passed a bound; the message names it.
  MCP_STATUS_LIMIT = 4,
  // An HTTP answer that is no success: see `http_status`.
  MCP_STATUS_HTTP = 5,
  // The server does not know the session any more.
  MCP_STATUS_SESSION_GONE = 6,
  // A deadline passed; the message names its setting.
  MCP_STATUS_TIMEOUT = 7,
  // The network, or TLS.
  MCP_STATUS_TRANSPORT = 8,
  // The event stream ended before the reply.
  MCP_STATUS_STREAM_ENDED = 9,
  // The server was a child process and ended.
  MCP_STATUS_EXITED = 10,
  // The server needs input before it can answer, and nobody gives it.
  MCP_STATUS_INPUT = 11,
  // The call was cancelled by this program.
  MCP_STATUS_CANCELLED = 12,
  // The client was closed by this program.
  MCP_STATUS_CLOSED = 13,
  // A pointer is NULL that must not be.
  MCP_STATUS_NULL = 14,
  // Text is not UTF-8.
  MCP_STATUS_UTF8 = 15,
  // Text is not JSON, or not of the shape that is wanted.
  MCP_STATUS_JSON = 16,
  // A configuration file cannot be used; the message has its first faults.
  MCP_STATUS_CONFIG = 17,
  // The handle is 0, was freed, or belongs to another kind of object.
  MCP_STATUS_HANDLE = 18,
  // Right, but not now: from within a callback that cannot do it, or after the object was used up.
  MCP_STATUS_STATE = 19,
  // The credentials of the client could not be had.
  MCP_STATUS_CREDENTIALS = 20,
  // There is no connection, and opening another one takes longer than the call may wait.
  MCP_STATUS_NOT_CONNECTED = 21,
  // No failure: a question to the client is on its way. Return from the handler without an answer; it runs
  // again, with this one.
  MCP_STATUS_ASKED = 22,
  // A fault of the library itself. It goes on working; please report it.
  MCP_STATUS_PANIC = 99,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mcp_status mcp_status;
#else
typedef int32_t mcp_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Something changed on the server.
enum mcp_change
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Nothing came within the time.
  MCP_CHANGE_NONE = 0,
  // The list of tools.
  MCP_CHANGE_TOOLS = 1,
  // The list of prompts.
  MCP_CHANGE_PROMPTS = 2,
  // The list of resources or of templates.
  MCP_CHANGE_RESOURCES = 3,
  // A resource that was subscribed to, or one inside of it.
  MCP_CHANGE_RESOURCE = 4,
  // Changes may have gone unnoticed: whatever the subscription is about is to be fetched again.
  MCP_CHANGE_MISSED = 5,
  // The subscription is over: it was freed, the client was closed, or the server ended it.
  MCP_CHANGE_OVER = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mcp_change mcp_change;
#else
typedef int32_t mcp_change;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What to do with a connection.
enum mcp_connection_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  // Go on reading and sending.
  MCP_CONNECTION_STATE_OPEN = 0,
  // Send what is left, close the sending side and tell `mcp_server_connection_half_closed`; go on reading.
  MCP_CONNECTION_STATE_HALF_CLOSE = 1,
  // Send what is left and free it.
  MCP_CONNECTION_STATE_CLOSE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mcp_connection_state mcp_connection_state;
#else
typedef int32_t mcp_connection_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// More about a call that did not work. The caller's own: no memory belongs to it, so there is nothing to be
// freed, and it need not be initialised.
typedef struct mcp_error {
  // The same as the function gave back.
  mcp_status status;
  // Whether the server may have acted on the request: 1 it was sent, 0 it was not, -1 it was answered or
  // there was none.
  int32_t delivery;
  // The code of the server's JSON-RPC error; else 0.
  int64_t rpc_code;
  // The HTTP status; else 0.
  int32_t http_status;
  // How long the server asks to be left alone, in milliseconds; -1 when it does not.
  int64_t retry_after_ms;
  // How many bytes of the message there are, without the NUL at its end.
  size_t message_length;
  // What was wrong, as UTF-8 with a NUL at its end. Never a secret.
  char message[MCP_ERROR_MESSAGE];
} mcp_error;

// Text that the library made, and the caller frees with `mcp_string_free`. UTF-8, with a NUL behind its last
// byte that `length` does not count; text may hold others.
typedef struct mcp_string {
  // The bytes; NULL when there is none.
  char *data;
  // How many.
  size_t length;
} mcp_string;

// How to connect. A number: 0 is none.
typedef struct mcp_options {
  // The number.
  uint64_t id;
} mcp_options;

// Told what the server logs: `level` is 0 debug, 1 info, 2 notice, 3 warning, 4 error, 5 critical, 6 alert,
// 7 emergency. On the thread `mcp-events` of the client, one at a time; it may use the client.
typedef void (*mcp_log_fn)(void *userdata, int32_t level, const char *text, size_t length);

// Called once when the library has no more use for `userdata`, on whichever thread that is. May be NULL.
typedef void (*mcp_release_fn)(void *userdata);

// Told of notifications other than logs and progress: the method, and the parameters as JSON (NULL when
// there are none). On the thread `mcp-events` of the client, one at a time; it may use the client.
typedef void (*mcp_notification_fn)(void *userdata,
                                    const char *method,
                                    size_t method_length,
                                    const char *params,
                                    size_t params_length);

// Told where the client stands: 0 connecting, 1 ready, 2 reconnecting (with the number of the attempt), 3
// closed. On the thread `mcp-state` of the client, one at a time.
typedef void (*mcp_state_fn)(void *userdata, int32_t state, uint32_t attempt);

// Something that a server asks, while its callback runs. A number: 0 is none.
typedef struct mcp_question {
  // The number.
  uint64_t id;
} mcp_question;

// Answers what a server asks. `question` is good until it returns, on any thread: it may hand it to another
// one and wait for that. Exactly one of `mcp_question_reply`, `_accept`, `_decline`, `_cancel` and `_fail`
// is to be called before it returns; without any an elicitation is dismissed, and anything else fails.
//
// With a handshake (up to 2025-11-25) it runs on the thread `mcp-requests` of the client, one question at a
// time; in 2026-07-28 on the thread `mcp-call` of a call, or the one that makes the request, so that several
// may run at once. The time that it takes is part of the call's. It may use the client, but a call from
// within that is asked again waits for itself.
typedef void (*mcp_question_fn)(void *userdata, struct mcp_question question);

// A request for credentials, while its callback runs. A number: 0 is none.
typedef struct mcp_credentials {
  // The number.
  uint64_t id;
} mcp_credentials;

// Gives the credentials of a request, with `mcp_credentials_bearer` or `mcp_credentials_header`; the request
// goes without when it gives none. `credentials` is good until it returns.
//
// On the thread that makes the request, before it; several may run at once. It is asked again when the
// server refused what it gave with 401, by one thread for all, and then must not use the client. It should
// keep what it has, and give up when `mcp_credentials_time_left` is over: the time that it takes is part of
// the request's.
typedef void (*mcp_credentials_fn)(void *userdata, struct mcp_credentials credentials);

// A session with a server. Any thread may use it, several at once. A number: 0 is none.
typedef struct mcp_client {
  // The number.
  uint64_t id;
} mcp_client;

// Cancels calls from another thread: given to calls, then triggered. A number: 0 is none.
typedef struct mcp_cancel {
  // The number.
  uint64_t id;
} mcp_cancel;

// Told how far a call has come, on the thread that makes the call. `total` is NaN when it is not known,
// `message` NULL when there is none.
typedef void (*mcp_progress_fn)(void *userdata,
                                double progress,
                                double total,
                                const char *message,
                                size_t message_length);

// How a call is made. All zero is as `mcp_client_call` without them does it.
typedef struct mcp_call_settings {
  // How long it may take in all, in milliseconds; 0: as long as the options say; negative: for ever.
  int64_t timeout_ms;
  // Not 0: making it twice is as good as once, so it may be made again when its answer was lost.
  int32_t idempotent;
  // What may cancel it.
  struct mcp_cancel cancel;
  // Told of its progress; may be NULL.
  mcp_progress_fn on_progress;
  // Given to `on_progress`.
  void *userdata;
} mcp_call_settings;

// A subscription to changes of a server. A number: 0 is none.
typedef struct mcp_subscription {
  // The number.
  uint64_t id;
} mcp_subscription;

// A server that is being put together. A number: 0 is none.
typedef struct mcp_server {
  // The number.
  uint64_t id;
} mcp_server;

// A call while its handler runs. A number: 0 is none.
typedef struct mcp_call {
  // The number.
  uint64_t id;
} mcp_call;

// Answers a call. `call` is good until it returns, on this thread only. Before that exactly one of the
// functions that begin with `mcp_call_reply` or `mcp_call_fail` is to be called; or `mcp_call_defer`, to
// answer later; or none when a question to the client has no answer yet (`MCP_STATUS_ASKED`). Not NULL.
typedef void (*mcp_handler_fn)(void *userdata, struct mcp_call call);

// A request for proposals, while its callback runs. A number: 0 is none.
typedef struct mcp_completion {
  // The number.
  uint64_t id;
} mcp_completion;

// Proposes values for what somebody types, by `mcp_completion_propose` once for each. `completion` is good
// until it returns. On the thread that runs the server, which serves nobody else meanwhile.
typedef void (*mcp_complete_fn)(void *userdata, struct mcp_completion completion);

// A call that is answered after its handler has returned, from any thread. A number: 0 is none.
typedef struct mcp_deferred {
  // The number.
  uint64_t id;
} mcp_deferred;

// A server that listens. A number: 0 is none.
typedef struct mcp_bound {
  // The number.
  uint64_t id;
} mcp_bound;

// A server without a loop. A number: 0 is none. Threads that use one take turns.
typedef struct mcp_engine {
  // The number.
  uint64_t id;
} mcp_engine;

// Wakes the loop of an engine, such as by a byte into a pipe, an `eventfd` or `uv_async_send`. On any
// thread; it must not block, nor use the engine.
typedef void (*mcp_wake_fn)(void *userdata);

// A connection of an engine. All zero is none.
typedef struct mcp_connection {
  // The engine that it belongs to.
  uint64_t engine;
  // Its number there.
  uint64_t id;
} mcp_connection;

// Told of a line of the log: `level` is 1 error, 2 warning, 3 info, 4 debug, 5 trace. On any thread, several
// at once.
typedef void (*mcp_line_fn)(void *userdata, int32_t level, const char *text, size_t length);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/* ---- Errors ---- */

// Why the last function on this thread that had no place for it did not do what it was asked to: it takes no
// `mcp_error`, or was given NULL. Gives its status and, in `error`, its message; `MCP_STATUS_OK` when there
// was none. What works in between does not change it.
mcp_status mcp_last_problem(struct mcp_error *error);

/* ---- Text ---- */

// Frees text that the library gave, and empties the place that it is in. NULL, and text that was freed in
// this place before, are fine; a copy of freed text is not.
void mcp_string_free(struct mcp_string *text);

/* ---- Client: how to connect ---- */

// Options for the server at a URL, such as `http://localhost:8000/mcp`. Freed with `mcp_options_free`, also
// after connecting.
mcp_status mcp_options_new(const char *url,
                           size_t url_length,
                           struct mcp_options *options,
                           struct mcp_error *error);

// Options for a server that is a program, spoken to over its standard input and output. Arguments are added
// with `mcp_options_argument`.
mcp_status mcp_options_spawn(const char *program,
                             size_t program_length,
                             struct mcp_options *options,
                             struct mcp_error *error);

// Options for a server of a configuration file: `mcpServers` of Claude and others, VS Code's `servers`,
// CrewAI's `mcps`.
mcp_status mcp_options_from_config(const char *path,
                                   size_t path_length,
                                   const char *server,
                                   size_t server_length,
                                   struct mcp_options *options,
                                   struct mcp_error *error);

// Frees options. Of no effect on clients that were connected with them.
void mcp_options_free(struct mcp_options options);

// What was wrong with the last setting that was refused: its status and, in `error`, its message.
// `MCP_STATUS_OK` when none was. Settings have no `mcp_error` of their own, for most cannot fail.
mcp_status mcp_options_problem(struct mcp_options options, struct mcp_error *error);

// An argument of the program, after those before.
mcp_status mcp_options_argument(struct mcp_options options, const char *argument, size_t length);

// A variable in the environment of the program. It has few others: what a program needs is passed on by name
// or set here.
mcp_status mcp_options_env(struct mcp_options options,
                           const char *name,
                           size_t name_length,
                           const char *value,
                           size_t value_length);

// Passes a variable of this program's environment on to the program.
mcp_status mcp_options_pass_env(struct mcp_options options, const char *name, size_t length);

// How long the program may take to end when it is told to, before it is killed, in milliseconds: 2 000
// unless set.
mcp_status mcp_options_grace(struct mcp_options options, uint64_t ms);

// The folder that the program is started in.
mcp_status mcp_options_current_dir(struct mcp_options options, const char *path, size_t length);

// A header for every HTTP request. The value is a secret: it is in no message and no log.
mcp_status mcp_options_header(struct mcp_options options,
                              const char *name,
                              size_t name_length,
                              const char *value,
                              size_t value_length);

// `Authorization: Bearer` with this token.
mcp_status mcp_options_bearer(struct mcp_options options, const char *token, size_t length);

// How long opening a connection may take, in milliseconds. 10 000 unless set.
mcp_status mcp_options_connect_timeout(struct mcp_options options, uint64_t ms);

// How long a call may take from its start to its reply, and so may connecting, in milliseconds; negative:
// for ever. 60 000 unless set.
mcp_status mcp_options_call_timeout(struct mcp_options options, int64_t ms);

// How long an event stream may be silent, in milliseconds; negative: for ever. 300 000 unless set.
mcp_status mcp_options_idle_timeout(struct mcp_options options, int64_t ms);

// Over HTTP+SSE, how long it may take until the server has said where messages go, in milliseconds. 30 000
// unless set.
mcp_status mcp_options_endpoint_timeout(struct mcp_options options, uint64_t ms);

// What is spoken: 0 it is found out, as it is unless set; 1 Streamable HTTP without sessions (2026-07-28); 2
// Streamable HTTP with sessions; 3 HTTP+SSE; 4 JSON without JSON-RPC.
mcp_status mcp_options_transport(struct mcp_options options, int32_t transport);

// The revision to speak, such as `2025-11-25`; the newest that the server speaks unless set.
mcp_status mcp_options_revision(struct mcp_options options, const char *revision, size_t length);

// What the client does when it loses its server: it opens another session after `interval_ms`, in growing
// intervals, at most `attempts` times in a row (0: without end). Unless set, the next call opens one.
mcp_status mcp_options_reconnect(struct mcp_options options, uint64_t interval_ms, uint32_t attempts);

// Has log messages of the server told.
mcp_status mcp_options_on_log(struct mcp_options options,
                              mcp_log_fn tell,
                              void *userdata,
                              mcp_release_fn release);

// Has other notifications of the server told.
mcp_status mcp_options_on_notification(struct mcp_options options,
                                       mcp_notification_fn tell,
                                       void *userdata,
                                       mcp_release_fn release);

// Has changes of the client's state told.
mcp_status mcp_options_on_state(struct mcp_options options,
                                mcp_state_fn tell,
                                void *userdata,
                                mcp_release_fn release);

// Answers forms that servers have the user fill in (`elicitation/create`), and declares that this program
// can; since 2025-06-18. Show who asks, and let the user decline. An answer that does not fit the form is
// not sent.
mcp_status mcp_options_on_elicitation(struct mcp_options options,
                                      mcp_question_fn ask,
                                      void *userdata,
                                      mcp_release_fn release);

// Answers whether the user agrees to visit a page (`elicitation/create` with `mode` `url`), and declares
// that this program can ask; since 2025-11-25. The library never fetches the page.
mcp_status mcp_options_on_url_elicitation(struct mcp_options options,
                                          mcp_question_fn ask,
                                          void *userdata,
                                          mcp_release_fn release);

// Answers for a model that servers want to go on with a conversation (`sampling/createMessage`), and
// declares that this program has one.
mcp_status mcp_options_on_sampling(struct mcp_options options,
                                   mcp_question_fn ask,
                                   void *userdata,
                                   mcp_release_fn release);

// Declares what that model can do beyond answering: use tools that the server brings, and add what it knows
// of servers when it is asked to. 1 or 0 each, 0 unless set; since 2025-11-25.
mcp_status mcp_options_sampling_can(struct mcp_options options, int32_t use_tools, int32_t add_context);

// One more place where servers may work, a `file` URI without `..`, and its name for people, which may be
// NULL. Declares that this program says so, with NULL as the URI without naming any: `mcp_client_set_roots`
// changes them later.
mcp_status mcp_options_add_root(struct mcp_options options,
                                const char *uri,
                                size_t uri_length,
                                const char *name,
                                size_t name_length);

// Answers where servers may work each time one asks (`roots/list`), in place of `mcp_options_add_root`.
mcp_status mcp_options_on_roots(struct mcp_options options,
                                mcp_question_fn ask,
                                void *userdata,
                                mcp_release_fn release);

/* ---- Client: the way to the server ---- */

// Certificates of authorities, in PEM, that are trusted beside the well-known ones. Feature `tls`, as those
// below.
mcp_status mcp_options_add_root_certificates(struct mcp_options options, const char *pem, size_t length);

// Certificates of authorities, in PEM, that are trusted in place of the well-known ones.
mcp_status mcp_options_root_certificates(struct mcp_options options, const char *pem, size_t length);

// The authorities that the operating system trusts, in place of the well-known ones. Feature `system-roots`.
mcp_status mcp_options_system_roots(struct mcp_options options);

// Identifies the program to servers that ask for it: a chain of certificates, its own first, and the private
// key of that, both in PEM; the key not encrypted. The key is a secret: it is in no message and no log.
mcp_status mcp_options_client_certificate(struct mcp_options options,
                                          const char *pem,
                                          size_t length,
                                          const char *key,
                                          size_t key_length);

// Trusts the server that shows exactly this certificate, in PEM, and no other; several are given one after
// the other. Nothing else is asked of it: neither who signed it, nor its name, nor its dates.
mcp_status mcp_options_pin_certificate(struct mcp_options options, const char *pem, size_t length);

// Accepts whatever certificate a server shows: anybody on the way can read and change what is said, tokens
// as well. For tests; each connect warns of it in the log.
mcp_status mcp_options_danger_accept_any_certificate(struct mcp_options options);

// Goes to the server through this proxy: `http://[user:password@]host[:port]`, with feature `tls`
// `https://..`, with feature `socks` `socks5h://..` and its like. Unless set the environment decides, as for
// curl: `http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`. User and password are in no message and no
// log.
mcp_status mcp_options_proxy(struct mcp_options options, const char *url, size_t length);

// Goes to the server directly, whatever the environment says.
mcp_status mcp_options_no_proxy(struct mcp_options options);

// Lets servers compress their answers, with gzip and deflate: 1 or 0; 0 unless set. Feature `compression`.
mcp_status mcp_options_compression(struct mcp_options options, int32_t accept);

// How many bytes one message of the server may have: 4 MiB unless set. More ends with `MCP_STATUS_LIMIT`.
mcp_status mcp_options_max_message_bytes(struct mcp_options options, size_t bytes);

// How many requests may have a connection at once, 0 for as many as there are, as it is unless set; and how
// many connections are kept while nobody uses them, 8 unless set.
mcp_status mcp_options_max_connections(struct mcp_options options, size_t open, size_t idle);

// With the transport 4, JSON without JSON-RPC: where requests are sent, an URL or a path at the same server.
mcp_status mcp_options_message_url(struct mcp_options options, const char *url, size_t length);

// Writes all that goes over the wire into a file, secrets masked.
mcp_status mcp_options_trace_file(struct mcp_options options, const char *path, size_t length);

// Who the program says it is: its name and version.
mcp_status mcp_options_client_info(struct mcp_options options,
                                   const char *name,
                                   size_t name_length,
                                   const char *version,
                                   size_t version_length);

/* ---- Client: credentials that may change ---- */

// Has a callback asked for credentials, in place of `mcp_options_bearer`. What it gives is a secret: it is
// in no message and no log.
mcp_status mcp_options_on_credentials(struct mcp_options options,
                                      mcp_credentials_fn ask,
                                      void *userdata,
                                      mcp_release_fn release);

// The URL that the client was given: what a token is for. Good until the callback returns.
mcp_status mcp_credentials_resource(struct mcp_credentials credentials, const char **url, size_t *length);

// The HTTP status with which the server refused what was given before: 401; 0 when this is not asked because
// of that.
int32_t mcp_credentials_refused(struct mcp_credentials credentials);

// What the server asks for, the value of its `WWW-Authenticate`; NULL when there is none. Good until the
// callback returns.
mcp_status mcp_credentials_challenge(struct mcp_credentials credentials, const char **text, size_t *length);

// How long the request may still take, this included, in milliseconds; -1 for ever.
int64_t mcp_credentials_time_left(struct mcp_credentials credentials);

// Gives a token: `Authorization: Bearer`.
mcp_status mcp_credentials_bearer(struct mcp_credentials credentials, const char *token, size_t length);

// Gives another header.
mcp_status mcp_credentials_header(struct mcp_credentials credentials,
                                  const char *name,
                                  size_t name_length,
                                  const char *value,
                                  size_t value_length);

// There are none to be had, for a reason that is no secret: the request fails with `MCP_STATUS_CREDENTIALS`.
mcp_status mcp_credentials_fail(struct mcp_credentials credentials, const char *text, size_t length);

/* ---- Client: the session, and what the server offers ---- */

// Connects. The options are used up; they are still to be freed.
//
// Blocks for the call timeout at most; over HTTP+SSE for that of the endpoint more.
mcp_status mcp_client_connect(struct mcp_options options, struct mcp_client *client, struct mcp_error *error);

// Closes the session: calls in flight on other threads end with `MCP_STATUS_CLOSED`. Takes a second at most,
// with a child process three. Twice is fine.
mcp_status mcp_client_close(struct mcp_client client);

// Closes the session and frees the client. Twice is fine.
void mcp_client_free(struct mcp_client client);

// Whether the session stands, as far as is known here: 1 or 0.
int32_t mcp_client_is_connected(struct mcp_client client);

// How the server is spoken to, in words: URL, transport, revision.
mcp_status mcp_client_connection(struct mcp_client client, struct mcp_string *text, struct mcp_error *error);

// Who the server says it is, as a JSON object with `name` and `version`.
mcp_status mcp_client_server_info(struct mcp_client client, struct mcp_string *json, struct mcp_error *error);

// What the client has done so far, as OpenMetrics text.
mcp_status mcp_client_metrics(struct mcp_client client, struct mcp_string *text, struct mcp_error *error);

// How to use the server, as it says itself, for models. Nothing (`data` is NULL) when it says nothing.
mcp_status mcp_client_instructions(struct mcp_client client,
                                   struct mcp_string *text,
                                   struct mcp_error *error);

// What the server can do, as a JSON object: its capabilities as the protocol has them.
mcp_status mcp_client_capabilities(struct mcp_client client,
                                   struct mcp_string *json,
                                   struct mcp_error *error);

// The revision of the protocol that is spoken, such as `2025-11-25`.
mcp_status mcp_client_revision(struct mcp_client client, struct mcp_string *text, struct mcp_error *error);

// The tools of the server, all pages of them, as a JSON array.
mcp_status mcp_client_tools(struct mcp_client client, struct mcp_string *json, struct mcp_error *error);

// The resources of the server, as a JSON array.
mcp_status mcp_client_resources(struct mcp_client client, struct mcp_string *json, struct mcp_error *error);

// The templates of resources, as a JSON array.
mcp_status mcp_client_resource_templates(struct mcp_client client,
                                         struct mcp_string *json,
                                         struct mcp_error *error);

// Reads a resource: a JSON object with `contents`.
mcp_status mcp_client_read_resource(struct mcp_client client,
                                    const char *uri,
                                    size_t uri_length,
                                    struct mcp_string *result,
                                    struct mcp_error *error);

// The prompts of the server, as a JSON array.
mcp_status mcp_client_prompts(struct mcp_client client, struct mcp_string *json, struct mcp_error *error);

// Gets a prompt: a JSON object with `messages`. `arguments` is a JSON object of strings, or NULL.
mcp_status mcp_client_get_prompt(struct mcp_client client,
                                 const char *prompt,
                                 size_t prompt_length,
                                 const char *arguments,
                                 size_t arguments_length,
                                 struct mcp_string *result,
                                 struct mcp_error *error);

// Proposes values for an argument of a prompt, or for a variable of a template when `reference` contains a
// colon: a JSON object with `values`.
mcp_status mcp_client_complete(struct mcp_client client,
                               const char *reference,
                               size_t reference_length,
                               const char *argument,
                               size_t argument_length,
                               const char *value,
                               size_t value_length,
                               struct mcp_string *result,
                               struct mcp_error *error);

// Asks the server for a sign of life and waits for it.
mcp_status mcp_client_ping(struct mcp_client client, struct mcp_error *error);

// Asks for log messages of this level and above, which reach the callback of `mcp_options_on_log`: 0 debug,
// 1 info, 2 notice, 3 warning, 4 error, 5 critical, 6 alert, 7 emergency. In 2026-07-28 servers send none
// before this was called, and nothing is sent here; else the server is told at once.
mcp_status mcp_client_set_log_level(struct mcp_client client, int32_t level, struct mcp_error *error);

// Takes other roots in place of those of `mcp_options_add_root`, a JSON array of objects with `uri` and, if
// you like, `name`, and tells the server where the revision has a notification for that. `MCP_STATUS_USAGE`
// when none were declared, and for what can be no root.
mcp_status mcp_client_set_roots(struct mcp_client client,
                                const char *json,
                                size_t length,
                                struct mcp_error *error);

// Tells the server that what the callback of `mcp_options_on_roots` answers has changed, where the revision
// has a notification for that.
mcp_status mcp_client_tell_roots_changed(struct mcp_client client, struct mcp_error *error);

/* ---- Client: calls and other requests ---- */

// Calls a tool and waits for its result, a JSON object as the server wrote it. `arguments` is a JSON object
// or NULL; `settings` may be NULL.
mcp_status mcp_client_call(struct mcp_client client,
                           const char *tool,
                           size_t tool_length,
                           const char *arguments,
                           size_t arguments_length,
                           const struct mcp_call_settings *settings,
                           struct mcp_string *result,
                           struct mcp_error *error);

// Makes any request; `params` is a JSON object or NULL. The result is JSON as the server wrote it. What the
// server asks in 2026-07-28 before it answers is not answered: it is the result. See
// `mcp_client_request_with`.
mcp_status mcp_client_request(struct mcp_client client,
                              const char *method,
                              size_t method_length,
                              const char *params,
                              size_t params_length,
                              struct mcp_string *result,
                              struct mcp_error *error);

// Makes any request as `mcp_client_call` makes calls: with a deadline of its own, with progress, cancelled
// from another thread, and with the callbacks of the options answering what the server asks before it
// answers. `resources/read` with `{"uri":..}`, `prompts/get` with `{"name":..}`, one page of `tools/list`.
// `params` is a JSON object or NULL, `settings` may be NULL. Of methods that the library does not know the
// result is taken as it is.
mcp_status mcp_client_request_with(struct mcp_client client,
                                   const char *method,
                                   size_t method_length,
                                   const char *params,
                                   size_t params_length,
                                   const struct mcp_call_settings *settings,
                                   struct mcp_string *result,
                                   struct mcp_error *error);

// Sends any notification; `params` is a JSON object or NULL.
mcp_status mcp_client_notify(struct mcp_client client,
                             const char *method,
                             size_t method_length,
                             const char *params,
                             size_t params_length,
                             struct mcp_error *error);

/* ---- Client: cancelling calls ---- */

// A new one, not triggered.
mcp_status mcp_cancel_new(struct mcp_cancel *cancel, struct mcp_error *error);

// Cancels the calls that it was given to, and those that it will be given to: they end at once with
// `MCP_STATUS_CANCELLED`. From any thread.
mcp_status mcp_cancel_trigger(struct mcp_cancel cancel);

// Frees it. Calls that it was given to go on.
void mcp_cancel_free(struct mcp_cancel cancel);

/* ---- Client: changes of the server ---- */

// Asks the server to tell of changes. `filter` is a JSON object: `toolsListChanged`, `promptsListChanged`
// and `resourcesListChanged` are `true` for those that are wanted, `resourceSubscriptions` is an array of
// the URIs of resources. Several may be open at once.
//
// Blocks until the server has said what it will tell of, for the call timeout at most.
mcp_status mcp_client_listen(struct mcp_client client,
                             const char *filter,
                             size_t filter_length,
                             struct mcp_subscription *subscription,
                             struct mcp_error *error);

// What the server said it will tell of: a JSON object as the filter, of what was asked for or a part of it.
// Never waits: while a thread is in `mcp_subscription_next` it is what the server said before that began.
mcp_status mcp_subscription_acknowledged(struct mcp_subscription subscription,
                                         struct mcp_string *json,
                                         struct mcp_error *error);

// Waits for the next change, for so many milliseconds at most; negative: until there is one. `uri` gets the
// URI of `MCP_CHANGE_RESOURCE` and nothing otherwise; it may be NULL when it is not wanted. What is not
// looked at waits: each change once, 1024 of them.
//
// By one thread at a time: `MCP_STATUS_STATE`, at once, while another one waits for its changes. Ends with
// `MCP_CHANGE_OVER` when another thread frees the subscription. Another status says why it failed, once.
mcp_status mcp_subscription_next(struct mcp_subscription subscription,
                                 int64_t timeout_ms,
                                 mcp_change *change,
                                 struct mcp_string *uri,
                                 struct mcp_error *error);

// Ends it, waking whoever waits for a change, and frees it. The server is told in the background.
void mcp_subscription_free(struct mcp_subscription subscription);

/* ---- Client: what servers ask ---- */

// What is asked: `elicitation/create`, `sampling/createMessage` or `roots/list`. Good until the callback
// returns.
mcp_status mcp_question_method(struct mcp_question question, const char **method, size_t *length);

// Who the server says it is, a JSON object with `name` and `version`; to be shown to the user, and not to be
// trusted. `null` for roots. Good until the callback returns.
mcp_status mcp_question_server(struct mcp_question question, const char **json, size_t *length);

// The parameters, a JSON object as the protocol has it: of an elicitation `message` and `requestedSchema`,
// or with `mode` `url` the page in `url`; of sampling `messages`, `maxTokens` and so on; of roots nothing.
// Good until the callback returns.
mcp_status mcp_question_params(struct mcp_question question, const char **json, size_t *length);

// Answers with a whole result, a JSON object as the protocol has it: of an elicitation `action` and
// `content`, of sampling `role`, `content` and `model`, of roots `roots`. `MCP_STATUS_JSON` for anything
// else, and for content that does not fit the form; the question then still wants an answer.
mcp_status mcp_question_reply(struct mcp_question question,
                              const char *json,
                              size_t length,
                              struct mcp_error *error);

// Accepts an elicitation: a form with this content, a JSON object, or with NULL as it is before anybody
// fills it in; of a page it is the consent to visit it, and the content is NULL. `MCP_STATUS_JSON` for
// content that does not fit the form.
mcp_status mcp_question_accept(struct mcp_question question,
                               const char *content,
                               size_t length,
                               struct mcp_error *error);

// The user does not want it.
mcp_status mcp_question_decline(struct mcp_question question);

// The user looked away: an elicitation is dismissed without a choice. For anything else the same as
// `mcp_question_decline`.
mcp_status mcp_question_cancel(struct mcp_question question);

// It cannot be answered now, for a reason that the server is told. An elicitation has no such answer: it is
// dismissed, and the log of this program has the reason.
mcp_status mcp_question_fail(struct mcp_question question, const char *text, size_t length);

/* ---- Server: what it offers, and to whom ---- */

// A server that offers nothing yet, by the name and version that clients are told.
mcp_status mcp_server_new(const char *name,
                          size_t name_length,
                          const char *version,
                          size_t version_length,
                          struct mcp_server *server,
                          struct mcp_error *error);

// Frees it, also after it was used up by `mcp_server_bind`, `mcp_server_serve_stdio` or `mcp_server_engine`.
void mcp_server_free(struct mcp_server server);

// What was wrong with the last offer or setting that was refused: its status and, in `error`, its message.
// `MCP_STATUS_OK` when none was.
mcp_status mcp_server_problem(struct mcp_server server, struct mcp_error *error);

// Offers a tool. `input_schema` is a JSON Schema of an object, NULL for a tool without arguments. The
// handler runs on the thread that runs the server, or with `on_worker` not 0 on one of several others, of
// which several may run it at once.
mcp_status mcp_server_add_tool(struct mcp_server server,
                               const char *name,
                               size_t name_length,
                               const char *description,
                               size_t description_length,
                               const char *input_schema,
                               size_t input_schema_length,
                               int32_t on_worker,
                               mcp_handler_fn handler,
                               void *userdata,
                               mcp_release_fn release);

// Offers a resource that is always the same text. `mime_type` may be NULL.
mcp_status mcp_server_add_resource(struct mcp_server server,
                                   const char *uri,
                                   size_t uri_length,
                                   const char *name,
                                   size_t name_length,
                                   const char *mime_type,
                                   size_t mime_type_length,
                                   const char *text,
                                   size_t text_length);

// Offers a resource whose text the handler gives each time it is read, with `mcp_call_reply_text` or
// `mcp_call_reply_json`. It runs on the thread that runs the server.
mcp_status mcp_server_add_resource_with(struct mcp_server server,
                                        const char *uri,
                                        size_t uri_length,
                                        const char *name,
                                        size_t name_length,
                                        const char *mime_type,
                                        size_t mime_type_length,
                                        mcp_handler_fn handler,
                                        void *userdata,
                                        mcp_release_fn release);

// Offers a prompt with arguments of these names, all of them required; `arguments` is a list of names
// separated by commas, NULL for none. The handler gives its text with `mcp_call_reply_text`, on the thread
// that runs the server.
mcp_status mcp_server_add_prompt(struct mcp_server server,
                                 const char *name,
                                 size_t name_length,
                                 const char *arguments,
                                 size_t arguments_length,
                                 mcp_handler_fn handler,
                                 void *userdata,
                                 mcp_release_fn release);

// Says to clients that the server has tools, resources or prompts, 1 or 0 each, though it may get its first
// of them only while it runs (`mcp_bound_add_tool_json`): whoever is told that there are none does not ask
// later.
mcp_status mcp_server_declare(struct mcp_server server, int32_t tools, int32_t resources, int32_t prompts);

// How to use the server, for models.
mcp_status mcp_server_instructions(struct mcp_server server, const char *text, size_t length);

// Demands this token from clients: `Authorization: Bearer`. Several may be set. `mcp_server_bind` wants one
// for any address but those of this machine.
mcp_status mcp_server_bearer(struct mcp_server server, const char *token, size_t length);

// Lets `mcp_server_bind` listen beyond this machine without a token: whoever reaches the server can use it.
mcp_status mcp_server_without_token(struct mcp_server server);

// Serves requests to this host name, beside those of loopback.
mcp_status mcp_server_allow_host(struct mcp_server server, const char *host, size_t length);

// Serves pages of this origin, such as `https://app.example`.
mcp_status mcp_server_allow_origin(struct mcp_server server, const char *origin, size_t length);

// Bounds: connections and sessions open at a time, and bytes of a request. 0 leaves a bound as it is: 16
// 384, 8 192, 4 MiB.
mcp_status mcp_server_limits(struct mcp_server server,
                             size_t connections,
                             size_t sessions,
                             size_t body_bytes);

// The length that says that text ends with its first NUL; for those who have no header.
size_t mcp_nul_terminated(void);

/* ---- Server: what it offers, described as the protocol does ---- */

// Offers a tool. `definition` is a JSON object as `tools/list` has them: `name`, `inputSchema`, and what
// else there is of `title`, `description`, `outputSchema`, `annotations`, `icons` and `_meta`. The rest as
// `mcp_server_add_tool`.
mcp_status mcp_server_add_tool_json(struct mcp_server server,
                                    const char *definition,
                                    size_t definition_length,
                                    int32_t on_worker,
                                    mcp_handler_fn handler,
                                    void *userdata,
                                    mcp_release_fn release,
                                    struct mcp_error *error);

// Offers a resource whose contents the handler gives each time it is read: text, JSON, bytes, or a whole
// result with `contents`. `definition` is a JSON object as `resources/list` has them: `uri`, `name`, and
// what else there is of `title`, `description`, `mimeType`, `size`, `annotations`, `icons` and `_meta`. The
// handler runs as that of a tool.
mcp_status mcp_server_add_resource_json(struct mcp_server server,
                                        const char *definition,
                                        size_t definition_length,
                                        int32_t on_worker,
                                        mcp_handler_fn handler,
                                        void *userdata,
                                        mcp_release_fn release,
                                        struct mcp_error *error);

// Offers resources whose URIs follow a pattern with `{name}`, or `{+name}` for what may hold slashes: the
// variables are the arguments of the call, the URI is its name, and `mcp_call_reply_missing` says that there
// is no such one. `definition` is a JSON object as `resources/templates/list` has them: `uriTemplate`,
// `name`, and what else there is of `title`, `description`, `mimeType`, `annotations`, `icons` and `_meta`.
// The handler runs as that of a tool. `complete` proposes values for the variables; it may be NULL.
mcp_status mcp_server_add_resource_template_json(struct mcp_server server,
                                                 const char *definition,
                                                 size_t definition_length,
                                                 int32_t on_worker,
                                                 mcp_handler_fn handler,
                                                 mcp_complete_fn complete,
                                                 void *userdata,
                                                 mcp_release_fn release,
                                                 struct mcp_error *error);

// Offers a prompt. The handler gives its text, which the user says, or whole messages with
// `mcp_call_reply_result`. `definition` is a JSON object as `prompts/list` has them: `name`, and what else
// there is of `title`, `description`, `arguments`, `icons` and `_meta`. The handler runs as that of a tool.
// `complete` proposes values for the arguments; it may be NULL.
mcp_status mcp_server_add_prompt_json(struct mcp_server server,
                                      const char *definition,
                                      size_t definition_length,
                                      int32_t on_worker,
                                      mcp_handler_fn handler,
                                      mcp_complete_fn complete,
                                      void *userdata,
                                      mcp_release_fn release,
                                      struct mcp_error *error);

// Offers a resource that is always the same bytes. `definition` as that of `mcp_server_add_resource_json`.
mcp_status mcp_server_add_resource_bytes(struct mcp_server server,
                                         const char *definition,
                                         size_t definition_length,
                                         const uint8_t *data,
                                         size_t length,
                                         struct mcp_error *error);

/* ---- Server: proposing values while somebody types ---- */

// The name of the argument or variable. Good until the callback returns.
mcp_status mcp_completion_argument(struct mcp_completion completion, const char **name, size_t *length);

// The beginning of its value, perhaps empty. Good until the callback returns.
mcp_status mcp_completion_typed(struct mcp_completion completion, const char **text, size_t *length);

// Another argument of the same prompt or template; NULL when it was not filled in before, or the client does
// not say so. Good until the callback returns.
mcp_status mcp_completion_earlier(struct mcp_completion completion,
                                  const char *argument,
                                  size_t argument_length,
                                  const char **value,
                                  size_t *length);

// Proposes a value, after those before. Of more than 100 the first are sent, so the best come first.
mcp_status mcp_completion_propose(struct mcp_completion completion, const char *value, size_t length);

/* ---- Server: the call, in its handler ---- */

// The name of the tool or prompt, or the URI of the resource. Good until the handler returns.
mcp_status mcp_call_name(struct mcp_call call, const char **name, size_t *length);

// The arguments, a JSON object. Good until the handler returns.
mcp_status mcp_call_arguments(struct mcp_call call, const char **json, size_t *length);

// Whether nobody waits for the answer any more: 1 or 0.
int32_t mcp_call_is_cancelled(struct mcp_call call);

// Tells how far the call has come. `total` may be NaN, `message` NULL.
mcp_status mcp_call_progress(struct mcp_call call,
                             double progress,
                             double total,
                             const char *message,
                             size_t length);

// Sends a log message. `level` is 0 debug, 1 info, 2 notice, 3 warning, 4 error, 5 critical, 6 alert, 7
// emergency.
mcp_status mcp_call_log(struct mcp_call call, int32_t level, const char *text, size_t length);

// Waits for so many milliseconds; on a worker it ends at once with `MCP_STATUS_CANCELLED` when nobody waits
// for the answer any more. On the thread that runs the server everybody waits.
mcp_status mcp_call_sleep(struct mcp_call call, uint64_t ms);

// The revision of the protocol that the client speaks, such as `2025-11-25`. Good as long as the library.
mcp_status mcp_call_revision(struct mcp_call call, const char **text, size_t *length);

// A number that is that of the client's session for as long as the server runs; in 2026-07-28, which has
// none, that of this request. 0 for a call that is none.
uint64_t mcp_call_session(struct mcp_call call);

// Tells all clients that the list of tools is another one now.
mcp_status mcp_call_tools_changed(struct mcp_call call);

// Tells all clients that the list of prompts is another one now.
mcp_status mcp_call_prompts_changed(struct mcp_call call);

// Tells all clients that the list of resources is another one now.
mcp_status mcp_call_resources_changed(struct mcp_call call);

// Tells the clients that subscribed to a resource that it has changed.
mcp_status mcp_call_resource_updated(struct mcp_call call, const char *uri, size_t length);

// Answers with text.
mcp_status mcp_call_reply_text(struct mcp_call call, const char *text, size_t length);

// Answers with JSON: a tool with structured content where the revision has it, and text; a resource with
// text; a prompt with what the user says.
mcp_status mcp_call_reply_json(struct mcp_call call, const char *json, size_t length);

// Answers with a whole result, a JSON object as the protocol has it: that of a tool has `content`, that of a
// prompt `messages`, that of a resource `contents`. `MCP_STATUS_JSON` when it is none; the call then still
// wants an answer.
mcp_status mcp_call_reply_result(struct mcp_call call, const char *json, size_t length);

// Answers with bytes: what is in a resource. Nothing else is bytes.
mcp_status mcp_call_reply_bytes(struct mcp_call call, const uint8_t *data, size_t length);

// Answers that there is no such resource.
mcp_status mcp_call_reply_missing(struct mcp_call call);

// Answers that the call failed, and why; for the model that made it.
mcp_status mcp_call_fail(struct mcp_call call, const char *text, size_t length);

// Answers that the arguments are wrong in a way that their schema does not tell.
mcp_status mcp_call_fail_arguments(struct mcp_call call, const char *text, size_t length);

// Answers with an error of JSON-RPC, for what is not the failure of a tool. Codes of your own lie outside of
// -32768 to -32000.
mcp_status mcp_call_fail_rpc(struct mcp_call call, int64_t code, const char *text, size_t length);

/* ---- Server: asking the client, in a handler ---- */

// Asks the client's user, by a form or by a page to visit. `params` is a JSON object as the protocol has it:
// `message` and `requestedSchema`, or `mode` with `url`, `message` and `url`; `key` tells the questions of
// one call apart. Not for secrets.
//
// The first time the answer is `MCP_STATUS_ASKED`: the question is on its way, and the handler is to return
// without an answer. With the answer of the client it **runs again from its start**, and this gives
// `MCP_STATUS_OK` and the answer: a JSON object with `action` (`accept`, `decline` or `cancel`) and, of a
// form that was accepted, `content`, which fits the form. So ask first, act afterwards. Several questions go
// out in one round when they are asked before the handler returns.
//
// Another status is why there will be no answer: `MCP_STATUS_INPUT` the client cannot be asked, or its
// answer cannot be used; `MCP_STATUS_RPC` it answered with an error; `MCP_STATUS_STATE` the call was
// answered or deferred. A handler that then returns without an answer has the call fail for that reason.
// Never blocks.
mcp_status mcp_call_elicit(struct mcp_call call,
                           const char *key,
                           size_t key_length,
                           const char *params,
                           size_t params_length,
                           struct mcp_string *answer,
                           struct mcp_error *error);

// Has the client's model go on with a conversation: as `mcp_call_elicit`, with `messages`, `maxTokens` and
// so on as parameters, and an answer with `role`, `content` and `model`.
mcp_status mcp_call_sample(struct mcp_call call,
                           const char *key,
                           size_t key_length,
                           const char *params,
                           size_t params_length,
                           struct mcp_string *answer,
                           struct mcp_error *error);

// Asks where the client lets the server work: as `mcp_call_elicit`, with an answer with `roots`.
mcp_status mcp_call_roots(struct mcp_call call,
                          const char *key,
                          size_t key_length,
                          struct mcp_string *answer,
                          struct mcp_error *error);

// What the client of the call can be asked, as bits: 1 forms, 2 pages to visit, 4 roots, 8 sampling, 16
// sampling with tools, 32 sampling with what it knows of servers. 0 for a call that is none.
uint32_t mcp_call_offers(struct mcp_call call);

// Keeps a value, any JSON, for when the handler runs again because of a question. Up to 2025-11-25 the
// server remembers it; in 2026-07-28 it travels with the question, protected against change but readable for
// the client.
mcp_status mcp_call_keep(struct mcp_call call,
                         const char *key,
                         size_t key_length,
                         const char *json,
                         size_t length);

// What an earlier run of the handler kept for this call: its JSON, or nothing (`data` is NULL).
mcp_status mcp_call_kept(struct mcp_call call,
                         const char *key,
                         size_t key_length,
                         struct mcp_string *json,
                         struct mcp_error *error);

/* ---- Server: answering after the handler has returned ---- */

// Takes the call of a tool along, to be answered later: the handler returns without an answer. Of its own
// functions only those that look at the call are for use from now on. Freed with `mcp_deferred_free`.
mcp_status mcp_call_defer(struct mcp_call call, struct mcp_deferred *deferred, struct mcp_error *error);

// Whether nobody waits for the answer any more: 1 or 0. 1 once it was answered.
int32_t mcp_deferred_is_cancelled(struct mcp_deferred deferred);

// Tells how far the call has come, as `mcp_call_progress`. Never blocks.
mcp_status mcp_deferred_progress(struct mcp_deferred deferred,
                                 double progress,
                                 double total,
                                 const char *message,
                                 size_t length);

// Sends a log message, as `mcp_call_log`. Never blocks.
mcp_status mcp_deferred_log(struct mcp_deferred deferred, int32_t level, const char *text, size_t length);

// Answers with text. Never blocks, as those below; to nobody when the client gave the call up.
mcp_status mcp_deferred_reply_text(struct mcp_deferred deferred, const char *text, size_t length);

// Answers with JSON, as `mcp_call_reply_json`.
mcp_status mcp_deferred_reply_json(struct mcp_deferred deferred, const char *json, size_t length);

// Answers with a whole result, as `mcp_call_reply_result`.
mcp_status mcp_deferred_reply_result(struct mcp_deferred deferred, const char *json, size_t length);

// Answers that the call failed, and why; for the model that made it.
mcp_status mcp_deferred_fail(struct mcp_deferred deferred, const char *text, size_t length);

// Frees it. A call that was not answered fails, with a text that says so.
void mcp_deferred_free(struct mcp_deferred deferred);

/* ---- Server: running it ---- */

// Listens at an address such as `127.0.0.1:8000`; port 0 lets the system choose. Nothing is served before
// `mcp_bound_run`. The server is used up; it is still to be freed. Other addresses than those of this
// machine want a token.
mcp_status mcp_server_bind(struct mcp_server server,
                           const char *address,
                           size_t address_length,
                           struct mcp_bound *bound,
                           struct mcp_error *error);

// Where clients find it: `http://127.0.0.1:8000/mcp`. Those that speak HTTP+SSE alone use `/sse` in its place.
mcp_status mcp_bound_url(struct mcp_bound bound,
                         struct mcp_string *url,
                         struct mcp_error *error);

// Serves on this thread until `mcp_bound_stop`. Once.
mcp_status mcp_bound_run(struct mcp_bound bound, struct mcp_error *error);

// Has `mcp_bound_run` return soon: requests in flight are waited for, for five seconds at most. From any
// thread.
mcp_status mcp_bound_stop(struct mcp_bound bound);

// Tells clients that the list of tools is another one now. From any thread, as those below; returns at once.
mcp_status mcp_bound_tools_changed(struct mcp_bound bound);

// Tells clients that the list of prompts is another one now.
mcp_status mcp_bound_prompts_changed(struct mcp_bound bound);

// Tells clients that the list of resources is another one now.
mcp_status mcp_bound_resources_changed(struct mcp_bound bound);

// Tells clients that a resource has changed. From any thread.
mcp_status mcp_bound_resource_updated(struct mcp_bound bound, const char *uri, size_t length);

// Frees it. A server that runs is told to stop.
void mcp_bound_free(struct mcp_bound bound);

// Serves one client over standard input and output, on this thread, until the client closes them. The server
// is used up; it is still to be freed.
mcp_status mcp_server_serve_stdio(struct mcp_server server, struct mcp_error *error);

/* ---- Server: what it offers, while it runs ---- */

// Offers one more tool, while the server runs or before: the arguments are those of
// `mcp_server_add_tool_json`. It is offered by the thread that serves, between two requests, and clients are
// told. From any thread, also within a handler; returns at once. That there is one of this name already is
// found out later, and is in the log.
//
// `MCP_STATUS_LIMIT` when 1024 changes wait already. Holds for those below as well.
mcp_status mcp_bound_add_tool_json(struct mcp_bound bound,
                                   const char *definition,
                                   size_t definition_length,
                                   int32_t on_worker,
                                   mcp_handler_fn handler,
                                   void *userdata,
                                   mcp_release_fn release,
                                   struct mcp_error *error);

// Offers one more resource: the arguments are those of `mcp_server_add_resource_json`.
mcp_status mcp_bound_add_resource_json(struct mcp_bound bound,
                                       const char *definition,
                                       size_t definition_length,
                                       int32_t on_worker,
                                       mcp_handler_fn handler,
                                       void *userdata,
                                       mcp_release_fn release,
                                       struct mcp_error *error);

// Offers one more template: the arguments are those of `mcp_server_add_resource_template_json`.
mcp_status mcp_bound_add_resource_template_json(struct mcp_bound bound,
                                                const char *definition,
                                                size_t definition_length,
                                                int32_t on_worker,
                                                mcp_handler_fn handler,
                                                mcp_complete_fn complete,
                                                void *userdata,
                                                mcp_release_fn release,
                                                struct mcp_error *error);

// Offers one more prompt: the arguments are those of `mcp_server_add_prompt_json`.
mcp_status mcp_bound_add_prompt_json(struct mcp_bound bound,
                                     const char *definition,
                                     size_t definition_length,
                                     int32_t on_worker,
                                     mcp_handler_fn handler,
                                     mcp_complete_fn complete,
                                     void *userdata,
                                     mcp_release_fn release,
                                     struct mcp_error *error);

// Offers a tool no more. Its calls that are with workers or deferred go on. `release` is called when the
// last is over.
mcp_status mcp_bound_remove_tool(struct mcp_bound bound,
                                 const char *name,
                                 size_t length,
                                 struct mcp_error *error);

// Offers the resource with this URI no more; a template that it fits stays.
mcp_status mcp_bound_remove_resource(struct mcp_bound bound,
                                     const char *uri,
                                     size_t length,
                                     struct mcp_error *error);

// Offers the template with this pattern no more.
mcp_status mcp_bound_remove_resource_template(struct mcp_bound bound,
                                              const char *pattern,
                                              size_t length,
                                              struct mcp_error *error);

// Offers a prompt no more.
mcp_status mcp_bound_remove_prompt(struct mcp_bound bound,
                                   const char *name,
                                   size_t length,
                                   struct mcp_error *error);

/* ---- Server: in a loop of the program's own ---- */

// Makes an engine of the server, which is used up; it is still to be freed.
mcp_status mcp_server_engine(struct mcp_server server, struct mcp_engine *engine, struct mcp_error *error);

// Has `wake` called when another thread has done something for the engine, a worker that answered or a
// deferred call that was: then `mcp_engine_wake` is to be called soon, by the thread of the loop. Once for
// an engine, before its first connection; without it `mcp_engine_next_wake` has the loop look every 10 ms
// while there are such calls.
mcp_status mcp_engine_on_wake(struct mcp_engine engine,
                              mcp_wake_fn wake,
                              void *userdata,
                              mcp_release_fn release);

// Takes a connection in that the caller accepted. `MCP_STATUS_LIMIT` when there is no room: close it.
mcp_status mcp_server_connection_new(struct mcp_engine engine,
                                     struct mcp_connection *connection,
                                     struct mcp_error *error);

// Takes bytes in that came from the client: all of them.
mcp_status mcp_server_connection_feed(struct mcp_connection connection, const uint8_t *data, size_t length);

// The client will send no more.
mcp_status mcp_server_connection_end(struct mcp_connection connection);

// Whether more may be read off the connection now: 1 or 0. While it is 0, leave bytes where they are until
// the connection comes up with `mcp_engine_next_ready`.
int32_t mcp_server_connection_wants_input(struct mcp_connection connection);

// Copies what is to be sent next into `buffer`, as much as there is room for, and says how much that is. It
// stays with the engine until `mcp_server_connection_sent` says that it has gone.
mcp_status mcp_server_connection_output(struct mcp_connection connection,
                                        char *buffer,
                                        size_t room,
                                        size_t *length);

// The first `count` bytes of the output were sent. To be called with 0 as well when the client takes none.
mcp_status mcp_server_connection_sent(struct mcp_connection connection, size_t count);

// What to do with the connection, once its output was sent as far as it can be.
mcp_connection_state mcp_server_connection_state(struct mcp_connection connection);

// The sending side was closed.
mcp_status mcp_server_connection_half_closed(struct mcp_connection connection);

// The connection is gone. Twice is fine.
void mcp_server_connection_free(struct mcp_connection connection);

// A connection that has something to send or is to be closed; all zero when there is none.
struct mcp_connection mcp_engine_next_ready(struct mcp_engine engine);

// In how many milliseconds `mcp_engine_wake` is to be called at the latest; -1 when there is no need to.
int64_t mcp_engine_next_wake(struct mcp_engine engine);

// Does what is due, and takes in what workers have answered.
mcp_status mcp_engine_wake(struct mcp_engine engine);

// Takes no more connections and ends those that are open, once their requests are answered. It is over when
// no connection is left.
mcp_status mcp_engine_stop(struct mcp_engine engine);

// Tells clients that the list of tools is another one now: with the next thing that the engine is given to
// do, as those below. From any thread, but not from within a handler of the engine.
mcp_status mcp_engine_tools_changed(struct mcp_engine engine);

// Tells clients that the list of prompts is another one now.
mcp_status mcp_engine_prompts_changed(struct mcp_engine engine);

// Tells clients that the list of resources is another one now.
mcp_status mcp_engine_resources_changed(struct mcp_engine engine);

// Tells clients that a resource has changed.
mcp_status mcp_engine_resource_updated(struct mcp_engine engine, const char *uri, size_t length);

// How many connections are open.
size_t mcp_engine_connections(struct mcp_engine engine);

// Frees it, with its connections.
void mcp_engine_free(struct mcp_engine engine);

/* ---- The library ---- */

// Has the log told, up to this level: 0 nothing, 1 error, 2 warning, 3 info, 4 debug, 5 trace. Once for the
// process; later only the level can be changed, with a callback of NULL.
mcp_status mcp_log_to(mcp_line_fn tell, void *userdata, mcp_release_fn release, int32_t level);

// The version of the library, with a NUL at its end. Lives as long as the library.
const char *mcp_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* MCP_H */
