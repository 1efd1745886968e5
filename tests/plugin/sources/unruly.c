/* A plugin that misbehaves as it is told: at load, by what it was compiled with, and in a call, by `config.mode`. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef WRONG_MAJOR
#define PYRELEASE_STAGE_ABI_MAJOR 2
#endif
#include "pyrelease_stage.h"

#ifndef MINOR
#define MINOR PYRELEASE_STAGE_ABI_MINOR
#endif
#ifndef MAGIC
#define MAGIC PYRELEASE_STAGE_MAGIC
#endif
#ifndef MAJOR
#define MAJOR PYRELEASE_STAGE_ABI_MAJOR
#endif
#ifndef SIZE
#define SIZE sizeof(pyrelease_stage_plugin_v1)
#endif
#ifdef MISSING_SYMBOL
int nobody_has_this(void);
#endif

#ifdef CANARY
/* Proves by a file that something of this library has run. */
__attribute__((constructor)) static void sing(void) { close(open(CANARY, O_CREAT | O_WRONLY, 0600)); }
#endif
#ifdef CONSTRUCTOR
__attribute__((constructor)) static void construct(void) { CONSTRUCTOR; }
#endif

static const pyrelease_stage_host *host;

static int say(const char *text) { return host->emit(host, text, strlen(text)); }
static int is(const char *request, size_t len, const char *mode) {
  char key[64];
  snprintf(key, sizeof key, "\"mode\":\"%s\"", mode);
  return memmem(request, len, key, strlen(key)) != NULL;
}
/* What goes on, hangs or crashes when a process ends as usual */
static void *go_on(void *nothing) { for (;;) usleep(10); return nothing; }
static void hang(void) { for (;;) sleep(1000); }
static void crash(void *value) { (void)value; abort(); }
static int overflow(volatile int depth) {
  volatile char page[4096];
  page[0] = (char)depth;
  return overflow(depth + 1) + page[0];
}

static int32_t create(const pyrelease_stage_host *given, void **ctx) {
  host = given;
  *ctx = NULL;
#ifdef REFUSING
  return PYRELEASE_STAGE_ERR;
#endif
  return PYRELEASE_STAGE_OK;
}

static int32_t call(void *ctx, const char *request, size_t len) {
  (void)ctx;
#define WHEN(mode) if (is(request, len, mode))
  fprintf(stderr, "at work\n");
  WHEN("segfault") *(volatile int *)(long)(getpid() & 7) = 1;
  WHEN("overflow") return overflow(0);
  WHEN("abort") abort();
  WHEN("exit-0") exit(0);
  WHEN("exit-3") exit(3);
  WHEN("sleep") for (;;) sleep(1000);
  WHEN("spin") for (;;) { }
  WHEN("stop") { raise(SIGSTOP); for (;;) sleep(1000); }
  WHEN("deaf") { signal(SIGTERM, SIG_IGN); for (;;) sleep(1000); }
  WHEN("polite") { while (!host->cancelled(host)) usleep(1000); say("{\"type\":\"result\",\"ok\":false,\"error\":{\"message\":\"stopped as asked\"}}"); return PYRELEASE_STAGE_CANCELLED; }
  WHEN("free") free((void *)request);
  WHEN("allocate") for (;;) { char *more = malloc(64 << 20); if (!more) abort(); memset(more, 1, 64 << 20); }
  WHEN("no-result") return PYRELEASE_STAGE_OK;
  WHEN("error") return PYRELEASE_STAGE_ERR;
  WHEN("failure") { say("{\"type\":\"result\",\"ok\":false,\"error\":{\"code\":\"x\",\"message\":\"no luck\",\"hint\":\"try again\"}}"); return PYRELEASE_STAGE_OK; }
  WHEN("effect") { static const char effect[] = "{\"key\":\"k\",\"class\":\"reversible\",\"summary\":\"s\"}"; int32_t got = host->effect(host, effect, sizeof effect - 1); fprintf(stderr, "effect: %d\n", (int)got); }
  WHEN("thread") { pthread_t thread; pthread_create(&thread, NULL, go_on, NULL); }
  WHEN("atexit") atexit(hang);
  WHEN("key") { pthread_key_t key; pthread_key_create(&key, crash); pthread_setspecific(key, &key); }
  WHEN("pipe") raise(SIGPIPE);
  WHEN("leave") { if (fork() == 0) { execlp("sleep", "sleep", "7301", (char *)NULL); _exit(1); } }
  WHEN("escape") { if (fork() == 0) { setsid(); execlp("sleep", "sleep", "6", (char *)NULL); _exit(1); } }
  WHEN("close-all") for (int fd = 0; fd < 256; fd++) close(fd);
  WHEN("garbage") { for (int i = 0; i < 1000; i++) puts("garbage"); puts("{\"type\":\"result\",\"ok\":true,\"value\":{\"forged\":true}}"); fflush(stdout); }
  WHEN("chatter") for (int i = 0; i < 50000; i++) say("{\"type\":\"log\",\"level\":\"debug\",\"message\":\"on and on\"}");
  WHEN("flood") { char line[4096]; memset(line, 'x', sizeof line); memcpy(line, "{\"type\":\"log\",\"message\":\"", 25); memcpy(line + sizeof line - 2, "\"}", 2); for (int i = 0; i < 40000; i++) host->emit(host, line, sizeof line); }
  WHEN("tty") { int tty = open("/dev/tty", O_RDONLY); char byte; if (tty >= 0 && read(tty, &byte, 1) >= 0) say("{\"type\":\"log\",\"message\":\"a terminal\"}"); }
  WHEN("nonsense") { fprintf(stderr, "emit: %d\n", (int)say("no json")); fprintf(stderr, "emit: %d\n", (int)say("{\"type\":\"dance\"}")); }
  WHEN("twice") { say("{\"type\":\"result\",\"ok\":true,\"value\":{\"first\":true}}"); fprintf(stderr, "second: %d\n", (int)say("{\"type\":\"result\",\"ok\":true,\"value\":{}}")); return PYRELEASE_STAGE_OK; }
  WHEN("undefined") {
#ifdef MISSING_SYMBOL
    return nobody_has_this();
#endif
  }
  /* Over several lines, as C likes to write it: the host makes one of it. */
  say("{\n  \"type\": \"result\",\n  \"ok\": true,\n  \"value\": {\"well\": true}\n}");
  return PYRELEASE_STAGE_OK;
}

static const pyrelease_stage_plugin_v1 plugin = {
    MAGIC, MAJOR, MINOR, SIZE, 0, PYRELEASE_STAGE_MARKER, "a C compiler", create, call, NULL, NULL};
const pyrelease_stage_plugin_v1 *PYRELEASE_STAGE_ENTRY(void) { return &plugin; }
