// Properties of forms: any text is one; what is written of it reads back as the same pairs, and is written the same again.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "http/characters.h"
#include "http/form.h"

namespace {

using namespace portico::http;

std::string write(const std::vector<FormPair>& pairs) {
    std::string out;
    for (const FormPair& pair : pairs) append_form_pair(out, 0, pair.name, pair.value);
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size > 4096) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto pairs = parse_form(text, 100);
    if (!pairs) return 0;
    const std::string written = write(*pairs);
    PORTICO_CHECK(all_are(kTargetChar, written));
    const auto again = parse_form(written, 100);
    PORTICO_CHECK(again && *again == *pairs && write(*again) == written);
    return 0;
}
