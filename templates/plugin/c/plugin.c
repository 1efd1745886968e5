/* A stage of a pyrelease release: writes the version that is released into a file of its own.
 *
 * A call is a process of its own: whatever is allocated may stay so.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pyrelease_stage.h"

static const pyrelease_stage_host *host;

static int32_t say(const char *json) { return host->emit(host, json, strlen(json)); }

static int32_t fail(const char *message) {
  char json[4096];
  snprintf(json, sizeof json, "{\"type\":\"result\",\"ok\":false,\"error\":{\"code\":\"failed\",\"message\":\"%s\"}}", message);
  return say(json);
}

/* The text after "key":" up to the next quote. That is enough for versions and for paths without quotes and backslashes;
 * whoever needs more takes a library for JSON. */
static char *text_of(const char *json, const char *key) {
  char quoted[64];
  snprintf(quoted, sizeof quoted, "\"%s\":\"", key);
  const char *begin = strstr(json, quoted);
  if (!begin) return NULL;
  begin += strlen(quoted);
  size_t length = strcspn(begin, "\"\\");
  if (begin[length] != '"') return NULL;
  char *text = calloc(1, length + 1);
  if (!text) abort();
  memcpy(text, begin, length);
  return text;
}

static int32_t describe(void) {
  return say("{\"type\":\"result\",\"ok\":true,\"value\":{"
             "\"name\":\"@name@\",\"version\":\"0.1.0\",\"protocol\":\"^1.0\","
             "\"summary\":\"writes the version that is released into a file\","
             "\"methods\":[\"describe\",\"preflight\",\"run\",\"undo\",\"verify\"],"
             /* none, reversible or irreversible: it can do no more than it says here. */
             "\"effects\":\"reversible\","
             /* What `config` in release.toml may be; a mistake there is underlined. */
             "\"config_schema\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}}}}");
}

static int32_t preflight(const char *request) {
  char *version = text_of(request, "version"), json[4096];
  if (!version) return fail("the request cannot be read");
  snprintf(json, sizeof json,
           "{\"type\":\"result\",\"ok\":true,\"value\":{\"problems\":[],\"plan\":[{\"key\":\"write\","
           "\"class\":\"reversible\",\"summary\":\"write released-%s.txt\"}]}}", version);
  return say(json);
}

static int32_t run(const char *request) {
  char *project = text_of(request, "project"), *version = text_of(request, "version");
  char path[2048], json[8192];
  if (!project || !version) return fail("the request cannot be read");
  /* A file that no release had before: `undo` has nothing else to bring back. */
  snprintf(path, sizeof path, "%s/released-%s.txt", project, version);
  /* Announced, and written down by pyrelease before this returns. Only on OK may it be done. `undo` gets what is in
   * "undo", in a process of its own that remembers nothing else. */
  snprintf(json, sizeof json,
           "{\"key\":\"write\",\"class\":\"reversible\",\"summary\":\"write %s\",\"undo\":{\"path\":\"%s\"}}", path, path);
  if (host->effect(host, json, strlen(json)) != PYRELEASE_STAGE_OK) return fail("pyrelease said no");
  FILE *file = fopen(path, "w");
  if (!file) return fail(strerror(errno));
  fprintf(file, "%s\n", version);
  if (fclose(file)) return fail(strerror(errno));
  say("{\"type\":\"effect_done\",\"key\":\"write\"}");
  return say("{\"type\":\"result\",\"ok\":true,\"value\":{\"outputs\":{}}}");
}

/* It may never have been done, and it may be undone already: neither is an error. */
static int32_t undo(const char *request) {
  char *path = text_of(request, "path");
  /* Where the effect was never announced, there is nothing. */
  if (path && remove(path) && errno != ENOENT) return fail(strerror(errno));
  return say("{\"type\":\"result\",\"ok\":true,\"value\":{\"undone\":[\"write\"],\"kept\":[]}}");
}

static int32_t verify(const char *request) {
  char *path = text_of(request, "path");
  FILE *file = path ? fopen(path, "r") : NULL;
  if (file) fclose(file);
  return say(file ? "{\"type\":\"result\",\"ok\":true,\"value\":{\"effects\":[{\"key\":\"write\",\"state\":\"present\"}]}}"
                  : "{\"type\":\"result\",\"ok\":true,\"value\":{\"effects\":[{\"key\":\"write\",\"state\":\"absent\"}]}}");
}

static int32_t create(const pyrelease_stage_host *given, void **ctx) {
  host = given;
  *ctx = NULL;
  return PYRELEASE_STAGE_OK;
}

static int32_t call(void *ctx, const char *request, size_t len) {
  (void)ctx;
  /* The request belongs to the host and does not end in NUL. */
  char *own = calloc(1, len + 1);
  if (!own) return PYRELEASE_STAGE_ERR;
  memcpy(own, request, len);
  char *method = text_of(own, "method");
  /* The paths of the distributions are called "path", too; what undo and verify look for comes after this. */
  const char *effects = strstr(own, "\"effects\"");
  if (!method) return PYRELEASE_STAGE_ERR;
  if (!strcmp(method, "describe")) return describe();
  if (!strcmp(method, "preflight")) return preflight(own);
  if (!strcmp(method, "run")) return run(own);
  if (!strcmp(method, "undo")) return undo(effects ? effects : "");
  if (!strcmp(method, "verify")) return verify(effects ? effects : "");
  return fail("there is no such method");
}

static const pyrelease_stage_plugin_v1 plugin = {
    PYRELEASE_STAGE_MAGIC, PYRELEASE_STAGE_ABI_MAJOR, PYRELEASE_STAGE_ABI_MINOR, sizeof(pyrelease_stage_plugin_v1), 0,
    PYRELEASE_STAGE_MARKER, "C", create, call, NULL, NULL};

PYRELEASE_STAGE_EXPORT const pyrelease_stage_plugin_v1 *PYRELEASE_STAGE_ABI PYRELEASE_STAGE_ENTRY(void) { return &plugin; }
