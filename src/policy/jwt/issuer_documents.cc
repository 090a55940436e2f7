#include "policy/jwt/issuer_documents.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "http/uri.h"
#include "json/document.h"

namespace portico::policy::jwt {
namespace {

constexpr size_t kMaxDocument = size_t{256} << 10;
constexpr size_t kMaxUrl = 2048;
constexpr int64_t kMostSeconds = int64_t{1} << 31;

bool is_good_url(std::string_view url, KeyTransport transport) {
    if (url.size() > kMaxUrl) return false;
    const auto is_printable = [](char c) { return c > ' ' && c < 0x7F; };
    if (!std::ranges::all_of(url, is_printable) || url.find('#') != std::string_view::npos) return false;
    const size_t colon = url.find("://");
    if (colon == std::string_view::npos) return false;
    const std::string_view scheme = url.substr(0, colon);
    if (!iequals(scheme, "https") && !(iequals(scheme, "http") && transport == KeyTransport::http_allowed)) return false;
    const std::string_view rest = url.substr(colon + 3);
    return http::is_valid_authority(rest.substr(0, rest.find_first_of("/?")));
}

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 §5.6.7), as seconds since 1970.
std::optional<std::chrono::sys_seconds> read_date(std::string_view text) {
    constexpr std::string_view kShape = "aaa, dd aaa dddd dd:dd:dd GMT";
    constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (text.size() != kShape.size()) return std::nullopt;
    for (size_t i = 0; i < kShape.size(); ++i) {
        const bool is_digit = text[i] >= '0' && text[i] <= '9';
        if (kShape[i] == 'd' ? !is_digit : kShape[i] != 'a' && kShape[i] != text[i]) return std::nullopt;
    }
    const auto number = [&](size_t at, size_t size) { return parse_decimal<unsigned>(text.substr(at, size)).value_or(0); };
    const size_t month = kMonths.find(text.substr(8, 3));
    if (month == std::string_view::npos || month % 3 != 0) return std::nullopt;
    const std::chrono::year_month_day day(std::chrono::year(static_cast<int>(number(12, 4))),
                                          std::chrono::month(static_cast<unsigned>(month / 3 + 1)), std::chrono::day(number(5, 2)));
    const unsigned hours = number(17, 2);
    const unsigned minutes = number(20, 2);
    const unsigned seconds = number(23, 2);
    if (!day.ok() || hours > 23 || minutes > 59 || seconds > 60) return std::nullopt;
    return std::chrono::sys_days(day) + std::chrono::hours(hours) + std::chrono::minutes(minutes) + std::chrono::seconds(seconds);
}

// Seconds of delta-seconds, however large (RFC 9111 §1.2.2).
std::optional<int64_t> read_seconds(std::string_view text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
    if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
    return std::min(parse_decimal<int64_t>(text).value_or(kMostSeconds), kMostSeconds);
}

struct Directives {
    bool must_not_keep = false;
    std::optional<int64_t> max_age;
};

Directives read_directives(std::string_view cache_control) {
    Directives read;
    for_each_element(cache_control, [&](std::string_view element) {
        const size_t equals = element.find('=');
        const std::string_view name = element.substr(0, equals);
        if (iequals(name, "no-store") || iequals(name, "no-cache")) read.must_not_keep = true;
        if (!iequals(name, "max-age")) return;
        const auto seconds = equals == std::string_view::npos ? std::nullopt : read_seconds(element.substr(equals + 1));
        if (!seconds || (read.max_age && *read.max_age != *seconds)) read.must_not_keep = true;
        read.max_age = seconds;
    });
    return read;
}

}  // namespace

Readable<Discovery> read_discovery(std::string_view text, std::string_view issuer, KeyTransport transport) {
    const auto document = json::Document::parse(text, {.max_size = kMaxDocument, .max_depth = 16, .byte_order_mark = json::ByteOrderMark::pass_over});
    if (!document) return std::unexpected("no JSON: " + std::string(document.error().what()));
    const json::Value root = document->root();
    if (root.find("issuer").string() != issuer || issuer.empty()) {
        return std::unexpected("its issuer is \"" + std::string(root.find("issuer").string()) + "\", and the configured one is \"" + std::string(issuer) + "\"");
    }
    const std::string_view url = root.find("jwks_uri").string();
    if (!is_good_url(url, transport)) return std::unexpected("its jwks_uri \"" + std::string(url.substr(0, 200)) + "\" is no URL with https");
    Discovery discovery{std::string(url), {}};
    for (const json::Value name : root.find("id_token_signing_alg_values_supported").elements()) {
        if (const auto algorithm = algorithm_named(name.string())) discovery.algorithms.add(*algorithm);
    }
    return discovery;
}

std::string discovery_url(std::string_view issuer) {
    while (issuer.ends_with('/')) issuer.remove_suffix(1);
    return std::string(issuer) + "/.well-known/openid-configuration";
}

Duration freshness(const FreshnessFields& fields, const FreshnessBounds& bounds) {
    const auto bounded = [&](int64_t seconds) {
        const int64_t left = std::min(seconds, kMostSeconds) - read_seconds(trim_ows(fields.age)).value_or(0);
        return std::clamp<Duration>(std::chrono::seconds(std::max<int64_t>(left, 0)), bounds.least, bounds.most);
    };
    const Directives directives = read_directives(fields.cache_control);
    if (directives.must_not_keep) return bounds.least;
    if (directives.max_age) return bounded(*directives.max_age);
    if (fields.expires.empty()) return bounds.otherwise;
    const auto expires = read_date(trim_ows(fields.expires));
    const auto date = read_date(trim_ows(fields.date));
    if (!expires || !date) return bounds.least;
    return bounded((*expires - *date).count());
}

}  // namespace portico::policy::jwt
