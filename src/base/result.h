// Result<T>: a value or an Error. libstdc++ 12's std::expected has no and_then/transform, so callers write
//     auto x = parse(…);
//     if (!x) return fail(std::move(x).error());
#pragma once

#include <expected>
#include <utility>

#include "base/error.h"

namespace portico {

template <class T = void>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(Error e) { return std::unexpected<Error>(std::move(e)); }
[[nodiscard]] inline std::unexpected<Error> fail(Fault f) { return std::unexpected<Error>(Error{f}); }
[[nodiscard]] inline std::unexpected<Error> fail(Fault f, std::string_view what, int err = 0) {
    return std::unexpected<Error>(Error{f, what, err});
}

}  // namespace portico
