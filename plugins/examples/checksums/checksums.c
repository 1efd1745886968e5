/* A stage that writes the sha256 of every distribution to a file, in the format of `sha256sum --check`.
 *
 *     [stage.checksums]
 *     plugin = "checksums"
 *     config = { file = "SHA256SUMS" }        # relative to the project; the default
 *
 * Build it, from the root of pyrelease's repository:
 *
 *     cc -shared -fPIC -O2 -Iplugins/sdk/include -o .pyrelease/plugins/libchecksums.so \
 *         plugins/examples/checksums/checksums.c
 *
 * Its one effect is reversible: writing the file. The content of an existing file is part of the undo data, and is
 * restored. A plugin in C is a library with one exported function; see the header for the rules. This example shows how
 * to read the request, and how to announce the effect and do it only if the answer is PYRELEASE_STAGE_OK.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pyrelease_stage.h"

static const char DESCRIPTION[] =
    "{\"type\":\"result\",\"ok\":true,\"value\":{"
    "\"name\":\"checksums\",\"version\":\"1.0.0\",\"protocol\":\"^1.0\","
    "\"summary\":\"writes the sha256 of every distribution to a file\","
    "\"methods\":[\"describe\",\"preflight\",\"run\",\"undo\",\"verify\"],"
    "\"effects\":\"reversible\",\"after\":[\"build\"],"
    "\"config_schema\":{\"type\":\"object\",\"additionalProperties\":false,"
    "\"properties\":{\"file\":{\"type\":\"string\",\"minLength\":1}}}}}";

static const pyrelease_stage_host *host;

/* --- text ------------------------------------------------------------------------------------------------------ */

typedef struct { char *data; size_t length; } text;

static void out_of_memory(void) { fprintf(stderr, "out of memory\n"); abort(); }

static void add_bytes(text *to, const char *bytes, size_t length) {
  char *grown = realloc(to->data, to->length + length + 1);
  if (!grown) out_of_memory();
  memcpy(grown + to->length, bytes, length);
  to->data = grown;
  to->length += length;
  to->data[to->length] = '\0';
}

static void add(text *to, const char *part) { add_bytes(to, part, strlen(part)); }

/* Adds a JSON string. */
static void add_string(text *to, const char *part) {
  add(to, "\"");
  for (; *part; part++) {
    unsigned char byte = (unsigned char)*part;
    char escaped[8];
    if (byte == '"' || byte == '\\') { snprintf(escaped, sizeof escaped, "\\%c", byte); add(to, escaped); }
    else if (byte < 0x20) { snprintf(escaped, sizeof escaped, "\\u%04x", byte); add(to, escaped); }
    else add_bytes(to, part, 1);
  }
  add(to, "\"");
}

/* --- a minimal JSON reader: it finds a value by skipping the others ---------------------------------------------- */

static const char *blank(const char *at) { while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r') at++; return at; }

static const char *over_string(const char *at) {
  for (at++; *at && *at != '"'; at++) if (*at == '\\' && at[1]) at++;
  return *at ? at + 1 : at;
}

/* The end of the value at `at`. */
static const char *over(const char *at) {
  at = blank(at);
  if (*at == '"') return over_string(at);
  if (*at != '{' && *at != '[') { while (*at && !strchr(",]} \t\r\n", *at)) at++; return at; }
  int depth = 0;
  do {
    if (*at == '"') { at = over_string(at); continue; }
    if (*at == '{' || *at == '[') depth++;
    if (*at == '}' || *at == ']') depth--;
    at++;
  } while (*at && depth > 0);
  return at;
}

/* The value of a key in the object at `object`, or NULL. */
static const char *member(const char *object, const char *key) {
  if (!object) return NULL;
  const char *at = blank(object);
  size_t length = strlen(key);
  if (*at != '{') return NULL;
  for (at = blank(at + 1); *at == '"'; at = blank(at)) {
    const char *name = at + 1, *end = over_string(at);
    const char *value = blank(end);
    if (*value != ':') return NULL;
    value = blank(value + 1);
    if ((size_t)(end - name) == length + 1 && !memcmp(name, key, length)) return value;
    at = blank(over(value));
    if (*at == ',') at++;
  }
  return NULL;
}

/* The next element of an array (the first one, if `at` is the array itself), or NULL. */
static const char *next(const char *at, int first) {
  if (!at) return NULL;
  at = first ? blank(at) : blank(over(at));
  if (*at != (first ? '[' : ',')) return NULL;
  at = blank(at + 1);
  return *at == ']' || !*at ? NULL : at;
}

static unsigned hex4(const char *at) {
  unsigned code = 0;
  for (int i = 0; i < 4; i++) {
    char digit = at[i];
    code = code * 16 + (unsigned)(digit <= '9' ? digit - '0' : (digit | 32) - 'a' + 10);
  }
  return code;
}

/* The text of the JSON string at `at`, or NULL. */
static char *string(const char *at) {
  if (!at || *at != '"') return NULL;
  text found = {0};
  add(&found, "");
  for (at++; *at && *at != '"'; at++) {
    if (*at != '\\') { add_bytes(&found, at, 1); continue; }
    at++;
    const char *known = strchr("b\bf\fn\nr\rt\t", *at);
    if (*at != 'u' && known && *at > ' ') { add_bytes(&found, known + 1, 1); continue; }
    if (*at != 'u') { add_bytes(&found, at, 1); continue; }
    if (strlen(at) < 5) break;
    unsigned code = hex4(at + 1);
    at += 4;
    if (code >= 0xd800 && code < 0xdc00 && at[1] == '\\' && at[2] == 'u') {
      code = 0x10000 + ((code - 0xd800) << 10) + (hex4(at + 3) - 0xdc00);
      at += 6;
    }
    char utf8[4];
    size_t length = 0;
    if (code < 0x80) utf8[length++] = (char)code;
    else if (code < 0x800) { utf8[length++] = (char)(0xc0 | code >> 6); }
    else if (code < 0x10000) { utf8[length++] = (char)(0xe0 | code >> 12); utf8[length++] = (char)(0x80 | (code >> 6 & 0x3f)); }
    else { utf8[length++] = (char)(0xf0 | code >> 18); utf8[length++] = (char)(0x80 | (code >> 12 & 0x3f)); utf8[length++] = (char)(0x80 | (code >> 6 & 0x3f)); }
    if (code >= 0x80) utf8[length++] = (char)(0x80 | (code & 0x3f));
    add_bytes(&found, utf8, length);
  }
  return found.data;
}

/* --- results ------------------------------------------------------------------------------------------------------ */

static int32_t succeed(const char *value) {
  text message = {0};
  add(&message, "{\"type\":\"result\",\"ok\":true,\"value\":");
  add(&message, value);
  add(&message, "}");
  return host->emit(host, message.data, message.length);
}

static int32_t fail(const char *format, ...) {
  char reason[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(reason, sizeof reason, format, arguments);
  va_end(arguments);
  text message = {0};
  add(&message, "{\"type\":\"result\",\"ok\":false,\"error\":{\"code\":\"failed\",\"message\":");
  add_string(&message, reason);
  add(&message, "}}");
  return host->emit(host, message.data, message.length);
}

/* --- files --------------------------------------------------------------------------------------------------------- */

/* The content of a file, or NULL if it cannot be read. */
static char *read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  text found = {0};
  char chunk[4096];
  size_t length;
  add(&found, "");
  while ((length = fread(chunk, 1, sizeof chunk, file)) > 0) add_bytes(&found, chunk, length);
  fclose(file);
  return found.data;
}

/* Writes a file atomically. */
static int write_file(const char *path, const char *content) {
  text beside = {0};
  add(&beside, path);
  add(&beside, ".new");
  FILE *file = fopen(beside.data, "wb");
  if (!file) return -1;
  size_t length = strlen(content);
  int written = fwrite(content, 1, length, file) == length;
  written = fclose(file) == 0 && written;
  if (written && rename(beside.data, path) == 0) return 0;
  remove(beside.data);
  return -1;
}

/* --- the methods ------------------------------------------------------------------------------------------------------ */

/* The path of the checksum file. */
static char *place(const char *params) {
  char *project = string(member(member(params, "release"), "project"));
  char *file = string(member(member(params, "config"), "file"));
  if (!file) file = "SHA256SUMS";
  text path = {0};
  if (project && file[0] != '/') { add(&path, project); add(&path, "/"); }
  add(&path, file);
  return path.data;
}

static char *lines(const char *params) {
  text found = {0};
  add(&found, "");
  const char *file = next(member(member(params, "release"), "dist"), 1);
  for (; file; file = next(file, 0)) {
    char *digest = string(member(file, "sha256")), *name = string(member(file, "filename"));
    if (!digest || !name) continue;
    add(&found, digest);
    add(&found, "  ");
    add(&found, name);
    add(&found, "\n");
  }
  return found.data;
}

static int32_t run(const char *params) {
  char *path = place(params), *content = lines(params), *before = read_file(path);
  if (!*content) return fail("the release has no distributions");
  text effect = {0}, summary = {0};
  add(&summary, "write ");
  add(&summary, path);
  add(&effect, "{\"key\":\"write\",\"class\":\"reversible\",\"summary\":");
  add_string(&effect, summary.data);
  add(&effect, ",\"undo\":{\"path\":");
  add_string(&effect, path);
  add(&effect, ",\"written\":");
  add_string(&effect, content);
  if (before) { add(&effect, ",\"before\":"); add_string(&effect, before); }
  add(&effect, "}}");
  int32_t answer = host->effect(host, effect.data, effect.length);
  if (answer != PYRELEASE_STAGE_OK) return fail("pyrelease refused to let it write %s", path);
  if (write_file(path, content)) return fail("%s: %s", path, strerror(errno));
  static const char done[] = "{\"type\":\"effect_done\",\"key\":\"write\"}";
  host->emit(host, done, sizeof done - 1);
  return succeed("{\"outputs\":{}}");
}

/* Undoes the given effects, or reports which exist. */
static int32_t recover(const char *params, int undo) {
  text value = {0};
  add(&value, undo ? "{\"undone\":[" : "{\"effects\":[");
  const char *list = member(params, "effects"), *effect = next(list, 1);
  for (int number = 0; effect; effect = next(effect, 0), number++) {
    const char *payload = member(effect, "undo");
    char *key = string(member(effect, "key")), *path = string(member(payload, "path"));
    char *written = string(member(payload, "written")), *before = string(member(payload, "before"));
    if (!key || !path || !written) return fail("the effect was recorded by another version of this plugin");
    char *now = read_file(path);
    int present = now && !strcmp(now, written);
    if (number) add(&value, ",");
    if (undo) {
      /* Restore only if the file still has our content: it may never have been written, or may have been changed. */
      if (present && (before ? write_file(path, before) : remove(path)) != 0) return fail("%s: %s", path, strerror(errno));
      add_string(&value, key);
    } else {
      add(&value, "{\"key\":");
      add_string(&value, key);
      add(&value, present ? ",\"state\":\"present\"}" : ",\"state\":\"absent\"}");
    }
  }
  add(&value, "]}");
  return succeed(value.data);
}

static int32_t preflight(const char *params) {
  text value = {0}, summary = {0};
  add(&summary, "write ");
  add(&summary, place(params));
  add(&value, "{\"problems\":[],\"plan\":[{\"key\":\"write\",\"class\":\"reversible\",\"summary\":");
  add_string(&value, summary.data);
  add(&value, "}]}");
  return succeed(value.data);
}

static int32_t create(const pyrelease_stage_host *given, void **ctx) {
  host = given;
  *ctx = NULL;
  return PYRELEASE_STAGE_OK;
}

static int32_t call(void *ctx, const char *request, size_t len) {
  (void)ctx;
  /* The request belongs to the host, and is not NUL-terminated. Nothing is freed: the process ends after the call. */
  text own = {0};
  add_bytes(&own, request, len);
  char *method = string(member(own.data, "method"));
  const char *params = member(own.data, "params");
  if (!method) return PYRELEASE_STAGE_ERR;
  if (!strcmp(method, "describe")) return host->emit(host, DESCRIPTION, sizeof DESCRIPTION - 1);
  if (!strcmp(method, "preflight")) return preflight(params);
  if (!strcmp(method, "run")) return run(params);
  if (!strcmp(method, "undo")) return recover(params, 1);
  if (!strcmp(method, "verify")) return recover(params, 0);
  return fail("unknown method %s", method);
}

static const pyrelease_stage_plugin_v1 plugin = {
    PYRELEASE_STAGE_MAGIC, PYRELEASE_STAGE_ABI_MAJOR, PYRELEASE_STAGE_ABI_MINOR, sizeof(pyrelease_stage_plugin_v1), 0,
    PYRELEASE_STAGE_MARKER, "C", create, call, NULL, NULL};

PYRELEASE_STAGE_EXPORT const pyrelease_stage_plugin_v1 *PYRELEASE_STAGE_ABI PYRELEASE_STAGE_ENTRY(void) { return &plugin; }
