/* A stage of a pyrelease release: writes the released version to a file.
 *
 * Memory is not freed: every call is a process of its own.
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

/* The text after "key":" up to the next quote. This suffices for versions, and for paths without quotes and backslashes;
 * otherwise use a JSON library. */
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
             "\"summary\":\"writes the released version to a file\","
             "\"methods\":[\"describe\",\"preflight\",\"run\",\"undo\",\"verify\"],"
             /* none, reversible or irreversible: stronger effects are refused. */
             "\"effects\":\"reversible\","
             /* The schema of `config` in release.toml. */
             "\"config_schema\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}}}}");
}

static int32_t preflight(const char *request) {
  char *version = text_of(request, "version"), json[4096];
  if (!version) return fail("the request is not valid");
  snprintf(json, sizeof json,
           "{\"type\":\"result\",\"ok\":true,\"value\":{\"problems\":[],\"plan\":[{\"key\":\"write\","
           "\"class\":\"reversible\",\"summary\":\"write released-%s.txt\"}]}}", version);
  return say(json);
}

static int32_t run(const char *request) {
  char *project = text_of(request, "project"), *version = text_of(request, "version");
  char path[2048], json[8192];
  if (!project || !version) return fail("the request is not valid");
  /* A new file for every release, so that `undo` only deletes it. */
  snprintf(path, sizeof path, "%s/released-%s.txt", project, version);
  /* Announce the effect; pyrelease records it before this returns. Do it only on OK. `undo` runs in a new process, and
   * gets only the data in "undo". */
  snprintf(json, sizeof json,
           "{\"key\":\"write\",\"class\":\"reversible\",\"summary\":\"write %s\",\"undo\":{\"path\":\"%s\"}}", path, path);
  if (host->effect(host, json, strlen(json)) != PYRELEASE_STAGE_OK) return fail("pyrelease refused the effect");
  FILE *file = fopen(path, "w");
  if (!file) return fail(strerror(errno));
  fprintf(file, "%s\n", version);
  if (fclose(file)) return fail(strerror(errno));
  say("{\"type\":\"effect_done\",\"key\":\"write\"}");
  return say("{\"type\":\"result\",\"ok\":true,\"value\":{\"outputs\":{}}}");
}

/* It may never have been done, or may be undone already; neither is an error. */
static int32_t undo(const char *request) {
  char *path = text_of(request, "path");
  /* Without a path the effect was never announced. */
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
  /* The request belongs to the host, and is not NUL-terminated. */
  char *own = calloc(1, len + 1);
  if (!own) return PYRELEASE_STAGE_ERR;
  memcpy(own, request, len);
  char *method = text_of(own, "method");
  /* Distributions have a "path" too, so undo and verify search from here. */
  const char *effects = strstr(own, "\"effects\"");
  if (!method) return PYRELEASE_STAGE_ERR;
  if (!strcmp(method, "describe")) return describe();
  if (!strcmp(method, "preflight")) return preflight(own);
  if (!strcmp(method, "run")) return run(own);
  if (!strcmp(method, "undo")) return undo(effects ? effects : "");
  if (!strcmp(method, "verify")) return verify(effects ? effects : "");
  return fail("unknown method");
}

static const pyrelease_stage_plugin_v1 plugin = {
    PYRELEASE_STAGE_MAGIC, PYRELEASE_STAGE_ABI_MAJOR, PYRELEASE_STAGE_ABI_MINOR, sizeof(pyrelease_stage_plugin_v1), 0,
    PYRELEASE_STAGE_MARKER, "C", create, call, NULL, NULL};

PYRELEASE_STAGE_EXPORT const pyrelease_stage_plugin_v1 *PYRELEASE_STAGE_ABI PYRELEASE_STAGE_ENTRY(void) { return &plugin; }
