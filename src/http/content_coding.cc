#include "http/content_coding.h"

#include <algorithm>

#include "base/text.h"

namespace portico::http {
namespace {

std::optional<Coding> coding_of(std::string_view name) {
    if (iequals(name, "gzip") || iequals(name, "x-gzip")) return Coding::gzip;
    if (iequals(name, "br")) return Coding::br;
    if (iequals(name, "deflate")) return Coding::deflate;
    return std::nullopt;
}

// @spec RFC 9110 §12.4.2
std::optional<uint16_t> weight_of(std::string_view text) {
    if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
    uint16_t thousandths = text[0] == '1' ? 1000 : 0;
    if (text.size() == 1) return thousandths;
    if (text[1] != '.') return std::nullopt;
    uint16_t place = 100;
    for (const char digit : text.substr(2)) {
        if (digit < '0' || digit > '9') return std::nullopt;
        thousandths = static_cast<uint16_t>(thousandths + (digit - '0') * place);
        place /= 10;
    }
    if (thousandths > 1000) return std::nullopt;
    return thousandths;
}

struct Accepted {
    std::string_view name;
    uint16_t weight;
};

// One element of Accept-Encoding: `gzip`, `br;q=0.5`, `*;q=0`.
std::optional<Accepted> read_accepted(std::string_view element) {
    const size_t semicolon = element.find(';');
    const std::string_view name = trim_ows(element.substr(0, semicolon));
    if (!is_token(name)) return std::nullopt;
    if (semicolon == std::string_view::npos) return Accepted{name, 1000};
    const std::string_view parameter = trim_ows(element.substr(semicolon + 1));
    if (parameter.size() < 3 || ascii_lower(parameter[0]) != 'q' || parameter[1] != '=') return std::nullopt;
    const auto weight = weight_of(parameter.substr(2));
    if (!weight) return std::nullopt;
    return Accepted{name, *weight};
}

}  // namespace

std::string_view coding_text(Coding coding) {
    switch (coding) {
        case Coding::gzip: return "gzip";
        case Coding::deflate: return "deflate";
        case Coding::br: return "br";
    }
    return "";
}

std::string_view what(CodingFault fault) {
    switch (fault) {
        case CodingFault::unknown: return "its content coding is not one that is known here";
        case CodingFault::too_many: return "it has too many content codings";
        case CodingFault::corrupt: return "its bytes are not what its content coding says";
        case CodingFault::truncated: return "its content coding ends early";
        case CodingFault::trailing: return "something follows the end of its content coding";
        case CodingFault::too_large: return "it is too large when its content coding is undone";
        case CodingFault::ratio: return "it swells too much when its content coding is undone";
        case CodingFault::too_costly: return "undoing its content coding takes too many steps";
    }
    return "";
}

bool CodingList::add(Coding coding) {
    if (size_ == kMax) return false;
    codings_[size_++] = coding;
    return true;
}

std::expected<CodingList, CodingFault> read_content_encoding(const FieldList& fields) {
    CodingList codings;
    std::optional<CodingFault> fault;
    for (const Field& field : fields) {
        if (field.id != FieldName::content_encoding) continue;
        for_each_element(field.value, [&](std::string_view name) {
            if (fault || name.empty() || iequals(name, "identity")) return;
            const auto coding = coding_of(name);
            if (!coding) {
                fault = CodingFault::unknown;
            } else if (!codings.add(*coding)) {
                fault = CodingFault::too_many;
            }
        });
    }
    if (fault) return std::unexpected(*fault);
    return codings;
}

namespace {

// Calls f(name) for each element of Content-Encoding but `identity`.
template <class F>
void for_each_coding(const FieldList& fields, F&& f) {
    for (const Field& field : fields) {
        if (field.id != FieldName::content_encoding) continue;
        for_each_element(field.value, [&](std::string_view name) {
            if (!name.empty() && !iequals(name, "identity")) f(name);
        });
    }
}

// The registry of IANA, as of 2025.
bool is_listed(std::string_view name) {
    constexpr std::string_view kListed[] = {"aes128gcm", "br", "compress", "dcb", "dcz", "deflate", "exi", "gzip", "identity", "pack200-gzip", "x-compress", "x-gzip", "zstd"};
    return std::ranges::any_of(kListed, [&](std::string_view listed) { return iequals(listed, name); });
}

}  // namespace

std::string_view unknown_coding(const FieldList& fields) {
    constexpr size_t kShown = 40;
    std::string_view first;
    for_each_coding(fields, [&](std::string_view name) {
        if (first.empty() && !coding_of(name)) first = name.substr(0, kShown);
    });
    return first;
}

bool names_no_coding(const FieldList& fields) {
    bool any = false, none = true;
    for_each_coding(fields, [&](std::string_view name) {
        any = true;
        none &= !is_listed(name);
    });
    return any && none;
}

std::string explain(CodingFault fault, const FieldList& fields) {
    std::string text(what(fault));
    if (fault == CodingFault::unknown) text.append(": ").append(unknown_coding(fields));
    return text;
}

AcceptedCodings read_accept_encoding(const FieldList& fields) {
    std::array<std::optional<uint16_t>, kCodings> weights;
    std::optional<uint16_t> identity;
    std::optional<uint16_t> others;  // `*`
    for (const Field& field : fields) {
        if (field.id != FieldName::accept_encoding) continue;
        for_each_element(field.value, [&](std::string_view element) {
            const auto accepted = read_accepted(element);
            if (!accepted) return;
            if (const auto coding = coding_of(accepted->name)) {
                weights[static_cast<size_t>(*coding)] = accepted->weight;
            } else if (accepted->name == "*") {
                others = accepted->weight;
            } else if (iequals(accepted->name, "identity")) {
                identity = accepted->weight;
            }
        });
    }
    AcceptedCodings result;
    for (size_t i = 0; i < kCodings; ++i) result.weights[i] = weights[i].value_or(others.value_or(0));
    // A weight above 0 for `*` says nothing about how identity compares: it stays what anyone can read.
    result.identity = identity.value_or(others == 0 ? 0 : 1000);
    // Unless it was named, it is wanted less than what was.
    if (!identity && result.identity != 0) result.identity = 1;
    return result;
}

std::string_view narrowed_accept_encoding(const AcceptedCodings& client) {
    static constexpr std::array<std::string_view, 8> kTexts = {
        "identity", "gzip", "deflate", "gzip, deflate", "br", "gzip, br", "deflate, br", "gzip, deflate, br"};
    size_t set = 0;
    for (size_t i = 0; i < kCodings; ++i) {
        if (client.weights[i] != 0) set |= size_t{1} << i;
    }
    return kTexts[set];
}

std::optional<Coding> choose_coding(const AcceptedCodings& client, const CodingList& came) {
    if (came.empty()) return std::nullopt;
    const Coding last = came[came.size() - 1];
    if (client.weight(last) != 0 && client.weight(last) >= client.identity) return last;
    // Of equal weight: br is the smallest, and gzip is read by more than deflate.
    static constexpr std::array kOrder = {Coding::br, Coding::gzip, Coding::deflate};
    const Coding best = *std::ranges::max_element(kOrder, {}, [&](Coding c) { return client.weight(c); });
    if (client.weight(best) == 0 || client.weight(best) < client.identity) return std::nullopt;
    return best;
}

}  // namespace portico::http
