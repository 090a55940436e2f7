#include <cstdio>

#include "cli/commands.h"
#include "config/load.h"

namespace portico::cli {

int schema(bool markdown) {
    const std::string text = markdown ? config::markdown_reference() : config::json_schema();
    std::fputs(text.c_str(), stdout);
    if (!text.ends_with('\n')) std::fputc('\n', stdout);
    return kGood;
}

}  // namespace portico::cli
