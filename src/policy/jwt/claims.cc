#include "policy/jwt/claims.h"

#include <algorithm>
#include <cmath>

namespace portico::policy::jwt {
namespace {

// The claims that the rules of RFC 7519 know, found in one pass.
struct Registered {
    json::Value expires, begins, issued, issuer, audience, subject;
};

Registered registered(json::Value claims) {
    Registered found;
    for (const json::Member member : claims.members()) {
        if (member.name.size() != 3) continue;
        if (member.name == "exp") found.expires = member.value;
        else if (member.name == "nbf") found.begins = member.value;
        else if (member.name == "iat") found.issued = member.value;
        else if (member.name == "iss") found.issuer = member.value;
        else if (member.name == "aud") found.audience = member.value;
        else if (member.name == "sub") found.subject = member.value;
    }
    return found;
}

struct Times {
    std::optional<WallTime> expires;
    std::optional<WallTime> begins;
    std::optional<WallTime> issued;
};

WallTime later(WallTime t, Duration d) {
    return t > WallTime::max() - d ? WallTime::max() : t + d;
}

Result<> read_time(json::Value claim, std::string_view name, std::optional<WallTime>& into) {
    if (!claim) return {};
    into = time_of(claim);
    if (!into) return fail(Fault::token_claim, std::string(name) + " is no time");
    return {};
}

Result<Times> read_times(const Registered& claims) {
    Times times;
    if (auto fine = read_time(claims.expires, "exp", times.expires); !fine) return fail(std::move(fine).error());
    if (auto fine = read_time(claims.begins, "nbf", times.begins); !fine) return fail(std::move(fine).error());
    if (auto fine = read_time(claims.issued, "iat", times.issued); !fine) return fail(std::move(fine).error());
    return times;
}

bool is_one_of(std::string_view text, const std::vector<std::string>& all) {
    return std::ranges::find(all, text) != all.end();
}

Result<> judge_issuer(json::Value issuer, const ClaimRules& rules) {
    if (issuer && !issuer.is_string()) return fail(Fault::token_claim, "iss is no text");
    if (rules.issuers.empty()) return {};
    if (!issuer || !is_one_of(issuer.string(), rules.issuers)) return fail(Fault::token_issuer, issuer ? issuer.string() : "no iss");
    return {};
}

Result<> judge_audience(json::Value audience, const ClaimRules& rules) {
    const auto is_text = [](json::Value v) { return v.is_string(); };
    if (audience && !audience.is_string() && (!audience.is_array() || !std::ranges::all_of(audience.elements(), is_text))) {
        return fail(Fault::token_claim, "aud is neither a text nor a list of texts");
    }
    if (rules.audiences.empty()) return {};
    const auto is_ours = [&](json::Value v) { return is_one_of(v.string(), rules.audiences); };
    if (audience.is_string() && is_ours(audience)) return {};
    if (std::ranges::any_of(audience.elements(), is_ours)) return {};
    return fail(Fault::token_audience, audience ? audience.source() : "no aud");
}

Result<> judge_subject(json::Value subject) {
    if (!subject.is_array() && !subject.is_object()) return {};
    return fail(Fault::token_claim, "sub is a list or an object");
}

// @returns the moment from which on they are refused
Result<WallTime> judge_times(const Times& times, const ClaimRules& rules, WallTime now) {
    if (!times.expires && rules.expiry_required) return fail(Fault::token_claim, "no exp");
    WallTime until = WallTime::max();
    if (times.expires) {
        until = later(*times.expires, rules.leeway);
        if (now >= until) return fail(Fault::token_expired);
    }
    if (times.begins && later(now, rules.leeway) < *times.begins) return fail(Fault::token_not_yet_valid);
    if (rules.max_age == kForever) return until;
    if (!times.issued) return fail(Fault::token_claim, "no iat");
    if (later(now, rules.leeway) < *times.issued) return fail(Fault::token_not_yet_valid, "issued in the future");
    const WallTime old = later(later(*times.issued, rules.max_age), rules.leeway);
    if (now >= old) return fail(Fault::token_too_old);
    return std::min(until, old);
}

bool holds(json::Value claim, const RequiredClaim& required) {
    if (!claim || claim.is_null()) return false;
    if (required.any_of.empty()) return true;
    const auto is_wanted = [&](json::Value v) {
        return std::ranges::any_of(required.any_of, [&](const gateway::ClaimConstant& c) { return gateway::equals(v, c); });
    };
    return is_wanted(claim) || std::ranges::any_of(claim.elements(), is_wanted);
}

Result<> judge_required(json::Value claims, const ClaimRules& rules) {
    for (const RequiredClaim& required : rules.required) {
        json::Value claim = claims;
        for (const std::string& name : required.path) claim = claim.find(name);
        if (!holds(claim, required)) return fail(Fault::token_claim, required.path.empty() ? "" : required.path.back());
    }
    return {};
}

}  // namespace

std::optional<WallTime> time_of(json::Value numeric_date) {
    if (const auto whole = numeric_date.as_int64()) {
        constexpr int64_t kMost = WallTime::max().time_since_epoch().count() / 1'000'000'000;
        if (*whole > kMost) return WallTime::max();
        if (*whole < -kMost) return WallTime::min();
        return WallTime(std::chrono::seconds(*whole));
    }
    const auto seconds = numeric_date.as_double();
    if (!seconds) return std::nullopt;
    constexpr double kMost = 9.2e9;
    if (*seconds >= kMost) return WallTime::max();
    if (*seconds <= -kMost) return WallTime::min();
    return WallTime(Nanos(std::llround(*seconds * 1e9)));
}

Result<WallTime> judge_claims(json::Value claims, const ClaimRules& rules, WallTime now) {
    if (!claims.is_object()) return fail(Fault::token_malformed, "payload: no object");
    const Registered known = registered(claims);
    const auto times = read_times(known);
    if (!times) return fail(times.error());
    auto until = judge_times(*times, rules, now);
    if (!until) return until;
    if (auto fine = judge_issuer(known.issuer, rules); !fine) return fail(std::move(fine).error());
    if (auto fine = judge_audience(known.audience, rules); !fine) return fail(std::move(fine).error());
    if (auto fine = judge_subject(known.subject); !fine) return fail(std::move(fine).error());
    if (auto fine = judge_required(claims, rules); !fine) return fail(std::move(fine).error());
    return until;
}

}  // namespace portico::policy::jwt
