// A plugin that lets an exception leave its `call`.
#include <stdexcept>
#include "pyrelease_stage.h"

static int32_t create(const pyrelease_stage_host *, void **ctx) { *ctx = nullptr; return PYRELEASE_STAGE_OK; }
static int32_t call(void *, const char *, size_t) { throw std::runtime_error("thrown"); }
static const pyrelease_stage_plugin_v1 plugin = {
    PYRELEASE_STAGE_MAGIC, PYRELEASE_STAGE_ABI_MAJOR, PYRELEASE_STAGE_ABI_MINOR, sizeof(pyrelease_stage_plugin_v1), 0,
    PYRELEASE_STAGE_MARKER, "a C++ compiler", create, call, nullptr, nullptr};
const pyrelease_stage_plugin_v1 *PYRELEASE_STAGE_ENTRY(void) { return &plugin; }
