// Runs attacks.txt, the table of tokens that must not pass.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include "base/text.h"
#include "policy/jwt/ecdsa_signature.h"
#include "policy/jwt/judge.h"
#include "policy/jwt/jwt_fixture.h"
#include "policy/jwt/key_texts.h"
#include "policy/jwt/mint.h"

namespace portico::policy::jwt {
namespace {

constexpr WallTime kNow{std::chrono::seconds(1'700'000'000)};
constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";

// The issuer's keys, and one of another issuer.
struct Keys {
    evp::Pkey rsa = make_rsa_key();
    evp::Pkey ec = make_ec_key();
    evp::Pkey ed = make_ed25519_key();
    evp::Pkey other = make_rsa_key();
    KeySet set;

    Keys() {
        const std::string published = R"({"keys":[)" + rsa_jwk(rsa.get(), "rsa", R"(,"alg":"RS256")") + ',' + ec_jwk(ec.get(), "ec") + ',' +
                                      ed25519_jwk(ed.get(), "ed") + "]}";
        auto keys = keys_from_json(published, KeyOrigin::published)->keys();
        keys.push_back(Key::from_bytes(std::string(kSecret), {Algorithm::hs256}, "hs", true));
        set = KeySet(std::move(keys));
    }
};
const Keys& keys() {
    static const Keys kKeys;
    return kKeys;
}

struct Row {
    std::string outcome, name, header, claims, signature, sent, settings;
};

std::vector<std::string> split(std::string_view text, std::string_view by) {
    std::vector<std::string> parts;
    for (size_t at = 0;;) {
        const size_t end = text.find(by, at);
        parts.emplace_back(trim_ows(text.substr(at, end == std::string_view::npos ? end : end - at)));
        if (end == std::string_view::npos) return parts;
        at = end + by.size();
    }
}

// "{\"a\":…}" so deep.
std::string deep(size_t levels) {
    std::string text;
    for (size_t i = 0; i < levels; ++i) text += "[";
    return text + std::string(levels, ']');
}

// @name(N) macros.
std::string expanded(std::string text) {
    for (size_t at; (at = text.find('@')) != std::string::npos;) {
        if (text.compare(at, 10, "@other-jwk") == 0) {
            text.replace(at, 10, rsa_jwk(keys().other.get(), "rsa"));
            continue;
        }
        const size_t open = text.find('(', at);
        const size_t close = text.find(')', at);
        if (open == std::string::npos || close == std::string::npos) break;
        const std::string name = text.substr(at + 1, open - at - 1);
        const size_t count = parse_decimal<size_t>(std::string_view(text).substr(open + 1, close - open - 1)).value_or(0);
        std::string made;
        if (name == "deep") made = deep(count);
        else if (name == "zeros") made = std::string(2 * count, '0');
        else made = std::string(count, 'a');
        text.replace(at, close + 1 - at, made);
    }
    return text;
}

// \0 \n \t \s \e \xHH of the table; every other escape stands for JSON to read.
std::string bytes_of(std::string_view text, bool json) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        const char next = text[i] == '\\' && i + 1 < text.size() ? text[i + 1] : ' ';
        if (next == '0') out += '\0';
        else if (next == 'x' && i + 3 < text.size()) out += static_cast<char>(hex_value(text[i + 2]) * 16 + hex_value(text[i + 3]));
        else if (next == 'n') out += '\n';
        else if (next == 't' && !json) out += '\t';
        else if (next == 's' && !json) out += ' ';
        else if (next != 'e' || json) {
            out += text[i];
            continue;
        }
        i += next == 'x' ? 3 : 1;
    }
    return out;
}

std::string bytes_of_hex(std::string_view hex) {
    std::string out;
    for (size_t i = 0; i + 1 < hex.size(); i += 2) out += static_cast<char>(hex_value(hex[i]) * 16 + hex_value(hex[i + 1]));
    return out;
}

std::string part(std::string_view token, size_t index) {
    return split(token, ".").at(index);
}

// S + L in place of S: the same point equation holds for it.
std::string malleable(std::string signature) {
    const std::string order = bytes_of_hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    unsigned carry = 0;
    for (size_t i = 0; i < 32; ++i) {
        const unsigned sum = static_cast<uint8_t>(signature[32 + i]) + static_cast<uint8_t>(order[i]) + carry;
        signature[32 + i] = static_cast<char>(sum);
        carry = sum >> 8;
    }
    return signature;
}

std::string der_of(std::string_view halves) {
    std::array<uint8_t, kMaxEcdsaDer> der;
    const size_t size = ecdsa_der_from_halves(halves, 32, der);
    return {reinterpret_cast<const char*>(der.data()), size};
}

std::string usual_header(std::string_view how) {
    if (how.starts_with("rs256")) return R"({"alg":"RS256","typ":"JWT","kid":"rsa"})";
    if (how.starts_with("es256")) return R"({"alg":"ES256","typ":"JWT","kid":"ec"})";
    if (how.starts_with("eddsa")) return R"({"alg":"EdDSA","typ":"JWT","kid":"ed"})";
    return R"({"alg":"HS256","typ":"JWT","kid":"hs"})";
}

std::string token_signed(const std::string& how, std::string_view header, std::string_view claims) {
    const auto by = [&](const Readable<SigningKey>& key, Algorithm algorithm) { return key->sign(algorithm, header, claims).value(); };
    const auto private_key = [](const evp::Pkey& key) { return SigningKey::from_pem(private_pem(key.get())); };
    if (how == "hs256") return by(SigningKey::from_secret(kSecret), Algorithm::hs256);
    if (how == "hs384") return by(SigningKey::from_secret(kSecret), Algorithm::hs384);
    if (how == "hs512") return by(SigningKey::from_secret(kSecret), Algorithm::hs512);
    if (how == "rs256") return by(private_key(keys().rsa), Algorithm::rs256);
    if (how == "ps256") return by(private_key(keys().rsa), Algorithm::ps256);
    if (how == "other-rs256") return by(private_key(keys().other), Algorithm::rs256);
    if (how == "hmac-rsa-pem") return by(SigningKey::from_secret(public_pem(keys().rsa.get())), Algorithm::hs256);
    if (how == "hmac-rsa-jwk") return by(SigningKey::from_secret(rsa_jwk(keys().rsa.get(), "rsa")), Algorithm::hs256);
    if (how == "hmac-ec-point") return by(SigningKey::from_secret(number_text(keys().ec.get(), OSSL_PKEY_PARAM_EC_PUB_X)), Algorithm::hs256);
    const std::string bare = base64url(header) + '.' + base64url(claims) + '.';
    if (how == "none") return bare;
    if (how.starts_with("halves:")) return bare + base64url(bytes_of_hex(std::string_view(how).substr(7)));
    const std::string ecdsa = by(private_key(keys().ec), Algorithm::es256);
    if (how == "es256") return ecdsa;
    if (how == "es256-der") return bare + base64url(der_of(*base64url_decode(part(ecdsa, 2))));
    const std::string eddsa = by(private_key(keys().ed), Algorithm::eddsa);
    if (how == "eddsa") return eddsa;
    if (how == "eddsa-malleable") return bare + base64url(malleable(*base64url_decode(part(eddsa, 2))));
    ADD_FAILURE() << "unknown signature " << how;
    return {};
}

std::string setting(const Row& row, std::string_view name) {
    for (const std::string& word : split(row.settings, " ")) {
        if (word.starts_with(std::string(name) + '=')) return word.substr(name.size() + 1);
    }
    return {};
}

std::string claims_of(const Row& row) {
    if (row.claims != "-" && !row.claims.starts_with('+')) return bytes_of(expanded(row.claims), true);
    std::string text = "{\"sub\":\"u-1\"";
    const std::vector<std::string> without = split(setting(row, "without"), ",");
    for (const auto& [name, value] : {std::pair("iss", R"("https://id.example")"), {"aud", R"("shop")"}, {"exp", "1700000600"}}) {
        if (std::ranges::find(without, name) == without.end()) text += ",\"" + std::string(name) + "\":" + value;
    }
    if (row.claims != "-") text += ',' + bytes_of(expanded(row.claims.substr(1)), true);
    return text + '}';
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
    for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) text.replace(at, what.size(), with);
}

// The last letter with a bit that belongs to no byte.
std::string with_stray_bit(std::string signature) {
    if (!signature.empty()) ++signature.back();
    return signature;
}

std::string token_of(const Row& row) {
    const std::string header = row.header == "-" ? usual_header(row.signature) : bytes_of(expanded(row.header), true);
    const std::string token = token_signed(expanded(row.signature), header, claims_of(row));
    if (row.sent.empty()) return token;
    std::string sent = bytes_of(row.sent, false);
    replace_all(sent, "{H}", header);
    replace_all(sent, "{h}", part(token, 0));
    replace_all(sent, "{p}", part(token, 1));
    replace_all(sent, "{s}", part(token, 2));
    replace_all(sent, "@stray", with_stray_bit(part(token, 2)));
    replace_all(sent, "@other-token", part(token_signed("hs256", header, R"({"exp":1})"), 2));
    return sent;
}

TokenRules rules_of(const Row& row) {
    TokenRules rules{{Algorithm::hs256, Algorithm::rs256, Algorithm::es256, Algorithm::eddsa}, {}, {}};
    if (setting(row, "issuer").empty()) rules.claims.issuers = {"https://id.example"};
    if (setting(row, "audience").empty()) rules.claims.audiences = {"web", "shop"};
    if (setting(row, "padding") == "allow") rules.token.padding = Padding::allow;
    if (setting(row, "expiry") == "none") rules.claims.expiry_required = false;
    if (const auto s = parse_decimal<int64_t>(setting(row, "leeway"))) rules.claims.leeway = std::chrono::seconds(*s);
    if (const auto s = parse_decimal<int64_t>(setting(row, "max_age"))) rules.claims.max_age = std::chrono::seconds(*s);
    return rules;
}

std::vector<Row> table() {
    std::vector<Row> rows;
    std::ifstream in(PORTICO_SOURCE_DIR "/src/policy/jwt/attacks.txt");
    for (std::string line; std::getline(in, line);) {
        if (line.empty() || line.front() == '#') continue;
        std::vector<std::string> fields = split(line, "|");
        fields.resize(7);
        rows.push_back({fields[0], fields[1], fields[2], fields[3], fields[4], fields[5], fields[6]});
    }
    return rows;
}

const std::map<std::string, Fault> kFaults = {
    {"malformed", Fault::token_malformed}, {"algorithm", Fault::token_algorithm},         {"key_unknown", Fault::token_key_unknown},
    {"signature", Fault::token_signature}, {"expired", Fault::token_expired},             {"not_yet_valid", Fault::token_not_yet_valid},
    {"too_old", Fault::token_too_old},     {"issuer", Fault::token_issuer},               {"audience", Fault::token_audience},
    {"claim", Fault::token_claim},
};

TEST(JwtAttacks, each_token_of_the_table_has_its_outcome) {
    VerifierContext context;
    std::set<std::string> names;
    size_t attacks = 0;
    for (const Row& row : table()) {
        EXPECT_TRUE(names.insert(row.name).second) << row.name << " stands twice";
        SCOPED_TRACE(row.name);
        const std::string token = token_of(row);
        const auto verified = Judge(rules_of(row)).judge(token, keys().set, kNow, context);
        if (row.outcome == "pass") {
            EXPECT_TRUE(verified) << row.name << ": " << (verified ? "" : verified.error().context);
            continue;
        }
        ++attacks;
        ASSERT_FALSE(verified) << row.name << ": " << token;
        const auto fault = kFaults.find(row.outcome);
        ASSERT_NE(fault, kFaults.end()) << row.outcome;
        EXPECT_EQ(verified.error().code(), code_of(fault->second))
            << row.name << ": " << verified.error().context;
    }
    EXPECT_GE(attacks, 60U);
}

}  // namespace
}  // namespace portico::policy::jwt
