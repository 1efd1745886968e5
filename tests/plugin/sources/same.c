/* The stage that every language has: in C. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pyrelease_stage.h"

static const pyrelease_stage_host *host;

/* The text after "key":", up to the next quote: enough for what the tests say. */
static char *text_of(const char *json, const char *key) {
  char quoted[64];
  snprintf(quoted, sizeof quoted, "\"%s\":\"", key);
  const char *begin = strstr(json, quoted);
  if (!begin) abort();
  begin += strlen(quoted);
  size_t length = strcspn(begin, "\"");
  char *text = calloc(1, length + 1);
  if (!text) abort();
  return memcpy(text, begin, length);
}

static int32_t say(const char *json) { return host->emit(host, json, strlen(json)); }

static int32_t run(const char *request) {
  char effect[4096], *path = text_of(request, "file");
  say("{\"type\":\"log\",\"level\":\"info\",\"message\":\"begins\"}");
  say("{\"type\":\"progress\",\"done\":1,\"total\":2,\"unit\":\"steps\"}");
  snprintf(effect, sizeof effect,
           "{\"key\":\"write\",\"class\":\"reversible\",\"summary\":\"write a file\",\"undo\":\"%s\"}", path);
  if (host->effect(host, effect, strlen(effect)) != PYRELEASE_STAGE_OK) return PYRELEASE_STAGE_REFUSED;
  FILE *file = fopen(path, "w");
  if (!file || fputs(text_of(request, "version"), file) < 0 || fclose(file)) return PYRELEASE_STAGE_ERR;
  say("{\"type\":\"effect_done\",\"key\":\"write\"}");
  say("{\"type\":\"log\",\"level\":\"warn\",\"message\":\"ends\"}");
  return say("{\"type\":\"result\",\"ok\":true,\"value\":{\"outputs\":{\"links\":[\"https://example.com/\"]}}}");
}

static int32_t create(const pyrelease_stage_host *given, void **ctx) {
  host = given;
  *ctx = NULL;
  return PYRELEASE_STAGE_OK;
}

static int32_t call(void *ctx, const char *request, size_t length) {
  (void)ctx;
  char result[256], *own = calloc(1, length + 1);
  if (!own) abort();
  memcpy(own, request, length);
  char *method = text_of(own, "method");
  if (!strcmp(method, "run")) return run(own);
  char *path = text_of(own, "undo");
  if (!strcmp(method, "undo")) {
    remove(path);
    return say("{\"type\":\"result\",\"ok\":true,\"value\":{\"undone\":[\"write\"],\"kept\":[]}}");
  }
  FILE *file = fopen(path, "r");
  snprintf(result, sizeof result,
           "{\"type\":\"result\",\"ok\":true,\"value\":{\"effects\":[{\"key\":\"write\",\"state\":\"%s\"}]}}",
           file ? "present" : "absent");
  return say(result);
}

static const pyrelease_stage_plugin_v1 plugin = {
    PYRELEASE_STAGE_MAGIC, PYRELEASE_STAGE_ABI_MAJOR, PYRELEASE_STAGE_ABI_MINOR, sizeof(pyrelease_stage_plugin_v1), 0,
    PYRELEASE_STAGE_MARKER, "a C compiler", create, call, NULL, NULL};

const pyrelease_stage_plugin_v1 *PYRELEASE_STAGE_ENTRY(void) { return &plugin; }
