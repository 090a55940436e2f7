// `portico token`: a token for trying a configuration out, made of a secret or private key by hand, or by what a `jwt` policy of
// a file says.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <expected>

#include "cli/commands.h"
#include "config/file_text.h"
#include "config/load.h"
#include "config/read.h"
#include "config/scalar.h"
#include "json/document.h"
#include "json/writer.h"
#include "policy/jwt/mint.h"
#include "policy/table.h"

namespace portico::cli {
namespace {

using namespace policy::jwt;

template <class T>
using Said = std::expected<T, std::string>;

// What a policy, or one of its issuers, says about its tokens.
struct Wanted {
    std::string secret, issuer, audience;
    std::vector<std::string> algorithms;
};

// Texts of settings that were checked already.
std::vector<std::string> texts_at(const config::Node& settings, std::string_view key, config::FaultList& faults) {
    std::vector<std::string> texts;
    const config::Node* node = settings.get(key);
    if (node == nullptr) return texts;
    const config::PlainList list(config::Scope(faults, key), *node);
    for (const config::Node* item : list.items()) texts.push_back(item->text);
    return texts;
}

std::string first_at(const config::Node& settings, std::string_view key, config::FaultList& faults) {
    const auto texts = texts_at(settings, key, faults);
    return texts.empty() ? "" : texts.front();
}

// @param faults  know where the files of the configuration lie
Wanted wanted_by(const config::Node& settings, const config::Node& policy, config::FaultList& faults) {
    Wanted wanted;
    if (const config::Node* secret = settings.get("secret")) {
        wanted.secret = config::read_secret(config::Scope(faults, "secret"), *secret).value_or("");
    }
    wanted.algorithms = texts_at(settings, "algorithms", faults);
    wanted.issuer = first_at(settings, "issuer", faults);
    if (const config::Node* oidc = settings.get("oidc"); oidc != nullptr && wanted.issuer.empty()) {
        wanted.issuer = oidc->is_mapping() ? first_at(*oidc, "issuer", faults) : oidc->text;
    }
    wanted.audience = first_at(settings, "audience", faults);
    if (wanted.audience.empty()) wanted.audience = first_at(policy, "audience", faults);
    return wanted;
}

// Of several issuers, the first with a secret: it alone can be signed for without a private key.
Wanted wanted_by_policy(const config::Node& policy, config::FaultList& faults) {
    const config::Node* issuers = policy.get("issuers");
    if (issuers == nullptr || issuers->items.empty()) return wanted_by(policy, policy, faults);
    const auto with_secret = std::ranges::find_if(issuers->items, [](const config::Node* i) { return i->get("secret") != nullptr; });
    return wanted_by(with_secret == issuers->items.end() ? *issuers->items.front() : **with_secret, policy, faults);
}

Said<Wanted> wanted_by_file(const std::string& file, const std::string& policy_name) {
    config::FaultList faults;
    auto source = config::read_file(file, faults);
    std::vector<std::string_view> types;
    for (const gateway::PolicyType* t : policy::table()) types.push_back(t->name);
    config::LoadOptions options;
    options.policy_types = types;
    const auto config = source ? config::load(*source, file, options, faults) : std::nullopt;
    if (!config) return std::unexpected(config::render(faults, config::shown_name(file), source ? *source : std::string_view{}) + "the configuration has faults: portico check -c " + file);

    std::vector<const config::PolicyConfig*> found;
    std::string names;
    const auto look_at = [&](const config::PolicyConfig& p) {
        if (p.type != "jwt" || p.settings == nullptr) return;
        const std::string name = p.name.empty() ? "jwt" : p.name;
        names += (names.empty() ? "" : ", ") + name;
        if (policy_name.empty() || name == policy_name) found.push_back(&p);
    };
    for (const config::PolicyConfig& p : config->policies) look_at(p);
    for (const config::RouteConfig& r : config->routes) {
        for (const config::UseEntry& u : r.use) {
            if (u.in_place) look_at(*u.in_place);
        }
    }
    if (names.empty()) return std::unexpected(file + " has no jwt policy: leave -c out, and give --secret or --key");
    if (found.empty()) return std::unexpected(file + " has no jwt policy \"" + policy_name + "\", but " + names);
    if (found.size() > 1) return std::unexpected(file + " has several jwt policies (" + names + "): choose one with --policy NAME");
    return wanted_by_policy(*found.front()->settings, faults);
}

Said<std::string> text_of_file(const std::string& path) {
    auto text = config::read_file_text(path);
    if (!text) return std::unexpected(path + " cannot be read: " + text.error().context);
    return std::move(*text);
}

Said<SigningKey> signing_key(const TokenOptions& options, const Wanted& wanted) {
    const int given = !options.secret.empty() + !options.secret_file.empty() + !options.key_file.empty();
    if (given > 1) return std::unexpected("one of --secret, --secret-file and --key is enough");
    if (!options.key_file.empty()) {
        const auto pem = text_of_file(options.key_file);
        if (!pem) return std::unexpected(pem.error());
        auto key = SigningKey::from_pem(*pem);
        if (!key) return std::unexpected(options.key_file + ": " + key.error());
        return key;
    }
    std::string secret = options.secret.empty() ? wanted.secret : options.secret;
    if (!options.secret_file.empty()) {
        auto text = text_of_file(options.secret_file);
        if (!text) return std::unexpected(text.error());
        if (text->ends_with('\n')) text->pop_back();
        if (text->ends_with('\r')) text->pop_back();
        secret = std::move(*text);
    }
    if (secret.empty()) {
        return std::unexpected(options.config_file.empty() ? "nothing to sign with: give --secret, --secret-file or --key, or -c FILE with a jwt policy that has a secret"
                                                           : "the policy has no secret: give the private key of one of its keys with --key PEM (and --kid)");
    }
    return SigningKey::from_secret(secret);
}

Said<Algorithm> chosen_algorithm(const TokenOptions& options, const Wanted& wanted, const SigningKey& key) {
    if (!options.algorithm.empty()) {
        const auto named = algorithm_named(options.algorithm);
        if (!named) return std::unexpected("there is no algorithm \"" + options.algorithm + "\": HS256, RS256, PS256, ES256, EdDSA and their kind");
        if (!key.algorithms().has(*named)) return std::unexpected("this key cannot sign " + options.algorithm);
        return *named;
    }
    for (const std::string& name : wanted.algorithms) {
        const auto named = algorithm_named(name);
        if (named && key.algorithms().has(*named)) return *named;
    }
    if (!wanted.algorithms.empty()) return std::unexpected("this key signs by none of the policy's algorithms");
    for (unsigned i = 0; i < kAlgorithms; ++i) {
        if (key.algorithms().has(static_cast<Algorithm>(i))) return static_cast<Algorithm>(i);
    }
    return std::unexpected("this key cannot sign");
}

// The claims in order, each with its value as JSON.
class Claims {
  public:
    void set(std::string_view name, std::string json) {
        const auto there = std::ranges::find(all_, name, &std::pair<std::string, std::string>::first);
        if (there != all_.end()) there->second = std::move(json);
        else all_.emplace_back(name, std::move(json));
    }
    void set_text(std::string_view name, std::string_view text) {
        if (text.empty()) return;
        std::string json;
        json::Writer(json).value(text);
        set(name, std::move(json));
    }
    std::string text() const {
        std::string out;
        json::Writer writer(out);
        writer.begin_object();
        for (const auto& [name, value] : all_) writer.key(name).raw(value);
        writer.end_object();
        return out;
    }

  private:
    std::vector<std::pair<std::string, std::string>> all_;
};

Said<std::string> claims_text(const TokenOptions& options, const Wanted& wanted) {
    const auto lasts = config::parse_duration(options.expires);
    if (!lasts) return std::unexpected("--expires takes a duration such as 90s, 30m or 1h, not \"" + options.expires + "\"");
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
    Claims claims;
    claims.set_text("iss", wanted.issuer);
    claims.set_text("sub", options.subject);
    claims.set_text("aud", wanted.audience);
    claims.set("iat", std::to_string(now.count()));
    claims.set("exp", std::to_string((now + std::chrono::duration_cast<std::chrono::seconds>(*lasts)).count()));
    claims.set_text("email", options.email);
    for (const std::string& claim : options.claims) {
        const size_t eq = claim.find('=');
        if (eq == 0 || eq == std::string::npos) return std::unexpected("--claim takes name=value, not \"" + claim + "\"");
        const std::string value = claim.substr(eq + 1);
        if (json::Document::parse(value)) {
            claims.set(claim.substr(0, eq), value);
        } else {
            std::string json;
            json::Writer(json).value(value);
            claims.set(claim.substr(0, eq), std::move(json));
        }
    }
    return claims.text();
}

Said<std::string> make_token(const TokenOptions& options) {
    Wanted wanted;
    if (options.config_file.empty() && !options.policy.empty()) return std::unexpected("--policy names a policy of a file: give -c FILE too");
    if (!options.config_file.empty()) {
        auto read = wanted_by_file(options.config_file, options.policy);
        if (!read) return std::unexpected(read.error());
        wanted = std::move(*read);
    }
    const auto key = signing_key(options, wanted);
    if (!key) return std::unexpected(key.error());
    const auto algorithm = chosen_algorithm(options, wanted, *key);
    if (!algorithm) return std::unexpected(algorithm.error());
    const auto claims = claims_text(options, wanted);
    if (!claims) return std::unexpected(claims.error());
    return mint(*key, *algorithm, *claims, options.key_id);
}

}  // namespace

int token(const TokenOptions& options) {
    const auto made = make_token(options);
    if (!made) {
        std::fprintf(stderr, "portico token: %s\n", made.error().c_str());
        return kFaults;
    }
    std::printf("%s\n", made->c_str());
    return kGood;
}

}  // namespace portico::cli
