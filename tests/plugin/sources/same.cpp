// The stage that every language has: in C++, where an exception ends in a result.
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include "pyrelease_stage.h"

namespace {

const pyrelease_stage_host *host;

// The text after `"key":"`, up to the next quote: enough for what the tests say.
std::string text_of(const std::string &json, const std::string &key) {
  const auto quoted = "\"" + key + "\":\"";
  const auto begin = json.find(quoted);
  if (begin == std::string::npos) throw std::runtime_error("no `" + key + "`");
  const auto from = begin + quoted.size();
  return json.substr(from, json.find('"', from) - from);
}

void emit(const std::string &json) { host->emit(host, json.data(), json.size()); }
void give(const std::string &value) { emit("{\"type\":\"result\",\"ok\":true,\"value\":" + value + "}"); }

void run(const std::string &request) {
  const auto path = text_of(request, "file");
  emit(R"({"type":"log","level":"info","message":"begins"})");
  emit(R"({"type":"progress","done":1,"total":2,"unit":"steps"})");
  const auto effect = R"({"key":"write","class":"reversible","summary":"write a file","undo":")" + path + "\"}";
  if (host->effect(host, effect.data(), effect.size()) != PYRELEASE_STAGE_OK) throw std::runtime_error("refused");
  std::ofstream(path) << text_of(request, "version");
  emit(R"({"type":"effect_done","key":"write"})");
  emit(R"({"type":"log","level":"warn","message":"ends"})");
  give(R"({"outputs":{"links":["https://example.com/"]}})");
}

void answer(const std::string &request) {
  const auto method = text_of(request, "method");
  if (method == "run") return run(request);
  const auto path = text_of(request, "undo");
  if (method == "undo") {
    std::remove(path.c_str());
    return give(R"({"undone":["write"],"kept":[]})");
  }
  const std::string state = std::ifstream(path).good() ? "present" : "absent";
  give(R"({"effects":[{"key":"write","state":")" + state + "\"}]}");
}

int32_t create(const pyrelease_stage_host *given, void **ctx) {
  host = given;
  *ctx = nullptr;
  return PYRELEASE_STAGE_OK;
}

int32_t call(void *, const char *request, size_t length) {
  try {
    answer(std::string(request, length));
  } catch (const std::exception &error) {
    emit(std::string(R"({"type":"result","ok":false,"error":{"code":"failed","message":")") + error.what() + "\"}}");
  }
  return PYRELEASE_STAGE_OK;
}

const pyrelease_stage_plugin_v1 plugin = {
    PYRELEASE_STAGE_MAGIC, PYRELEASE_STAGE_ABI_MAJOR, PYRELEASE_STAGE_ABI_MINOR, sizeof(pyrelease_stage_plugin_v1), 0,
    PYRELEASE_STAGE_MARKER, "a C++ compiler", create, call, nullptr, nullptr};

}  // namespace

const pyrelease_stage_plugin_v1 *PYRELEASE_STAGE_ENTRY(void) { return &plugin; }
