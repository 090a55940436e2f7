#include "policy/jwt/settings.h"

#include <algorithm>

#include "base/text.h"
#include "config/read.h"
#include "gateway/subjects.h"
#include "http/fields.h"
#include "policy/jwt/key_settings.h"

namespace portico::policy::jwt {
namespace {

using config::Field;
using config::Node;
using config::Scope;
using config::Text;

struct Draft : IssuerDraft {
    using IssuerDraft::IssuerDraft;
    Settings settings;
    std::vector<IssuerDraft> issuers;
    bool has_issuers = false;
};

constexpr std::string_view kDuration = R"({"$ref":"#/$defs/duration"})";
constexpr std::string_view kTexts = R"({"$ref":"#/$defs/textOrList"})";

void read_algorithms(const Scope& scope, const Node& node, IssuerDraft& into) {
    std::vector<std::string_view> names;
    for (unsigned i = 0; i < kAlgorithms; ++i) names.push_back(name_of(static_cast<Algorithm>(i)));
    names.push_back(kEd25519);
    for (const Text& t : config::read_texts(scope, node, "an algorithm such as HS256 or RS256")) {
        if (const auto algorithm = algorithm_named(t.value)) {
            into.issuer.rules.algorithms.add(*algorithm);
            continue;
        }
        const std::string_view near = nearest(t.value, names.data(), names.size());
        scope.error(t.mark, "unknown-algorithm", "there is no algorithm \"" + t.value + "\" that signs tokens here",
                    iequals(t.value, "none") ? "a token without a signature proves nothing"
                    : near.empty()           ? "HS256 RS256 PS256 ES256 EdDSA and their kind"
                                             : "did you mean " + std::string(near) + "?");
    }
    into.algorithms_mark = node.mark;
}

void read_required(const Scope& scope, const Node& node, IssuerDraft& into) {
    const auto add = [&](const std::string& name, config::Mark mark, std::vector<gateway::ClaimConstant> any_of) {
        std::string why;
        const auto path = gateway::ClaimPath::parse(name, why);
        if (!path) return scope.error(mark, "bad-claim", "\"" + name + "\": " + why);
        into.issuer.rules.claims.required.push_back({path->names(), std::move(any_of)});
    };
    if (!node.is_mapping()) {
        for (const Text& t : config::read_texts(scope, node, "a claim's name")) add(t.value, t.mark, {});
        return;
    }
    for (const config::Entry& e : node.entries) {
        const Scope at(scope, e.key);
        const config::PlainList list(at, *e.value);
        if (list.items().empty()) at.error(e.value->mark, "empty-list", "the list is empty: no value would do");
        std::vector<gateway::ClaimConstant> values;
        for (const Node* item : list.items()) {
            if (auto value = gateway::read_claim_constant(at, *item)) values.push_back(std::move(*value));
        }
        add(e.key, e.key_mark, std::move(values));
    }
}

std::vector<std::string> values_of(std::vector<Text> texts) {
    std::vector<std::string> out;
    for (Text& t : texts) out.push_back(std::move(t.value));
    return out;
}

template <class T>
constexpr std::array<Field<T>, 12> issuer_rows() {
    return {{
        {{"algorithms", "list of algorithms", "", "Which signatures are taken: HS256 HS384 HS512 RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA (or Ed25519, which is the same). A token never chooses.", kTexts, true},
         [](const Scope& s, const Node& n, T& d) { read_algorithms(s, n, d); }},
        {{"secret", "secret", "", "The shared key of HS256, HS384 and HS512: `${NAME}`, `{ file: … }` or `{ base64: … }`.", "{}", false, true},
         [](const Scope& s, const Node& n, T& d) { read_secret_key(s, n, d); }},
        {{"public_key", "PEM", "", "A public key or certificate: text (in lines, in one line, or with `\\n` for the ends of lines), or `{ file: … }`.", "{}", false, true},  // a private key by mistake
         [](const Scope& s, const Node& n, T& d) { read_public_key(s, n, d); }},
        {{"keys", "JWK or JWKS", "", "Keys as JSON: text, or `{ file: … }`.", "{}", false, true},
         [](const Scope& s, const Node& n, T& d) { read_json_keys(s, n, d); }},
        {{"jwks", "URL or mapping", "", "Keys that are fetched: `https://…`, or `{ url, ca, timeout, cooldown, refresh, stale }`, with `service` and `path` in place of `url` where a service has them.", "{}"},
         [](const Scope& s, const Node& n, T& d) { read_remote_keys(s, n, d, false); }},
        {{"oidc", "URL or mapping", "", "An issuer whose document names its keys: `https://…`, or a mapping as for `jwks` with `issuer` in place of `url`. Expects that issuer in `iss`.", "{}"},
         [](const Scope& s, const Node& n, T& d) { read_remote_keys(s, n, d, true); }},
        {{"issuer", "text or list", "any", "What `iss` must be.", kTexts},
         [](const Scope& s, const Node& n, T& d) {
             d.issuer.rules.claims.issuers = values_of(config::read_texts(s, n, "an issuer"));
         }},
        {{"audience", "text or list", "any", "Of which `aud` must name one.", kTexts},
         [](const Scope& s, const Node& n, T& d) {
             d.issuer.rules.claims.audiences = values_of(config::read_texts(s, n, "an audience"));
         }},
        {{"leeway", "duration", "0s", "How far the clocks may differ.", kDuration},
         [](const Scope& s, const Node& n, T& d) {
             d.leeway_written = true;
             if (n.is_scalar() && n.text == "0s") d.issuer.rules.claims.leeway = Duration::zero();
             else if (auto v = config::read_duration(s, n, false)) d.issuer.rules.claims.leeway = *v;
         }},
        {{"required_claims", "list or mapping", "none", "Claims that a token must have, or with their values: `{ tenant: [acme, corp] }`.", "{}"},
         [](const Scope& s, const Node& n, T& d) { read_required(s, n, d); }},
        {{"max_age", "duration or none", "none", "The oldest token taken, from its `iat`.", R"({"$ref":"#/$defs/durationOrNone"})"},
         [](const Scope& s, const Node& n, T& d) {
             d.max_age_written = true;
             if (auto v = config::read_duration(s, n, true)) d.issuer.rules.claims.max_age = *v;
         }},
        {{"subject", "template string", "the token's `sub`", "What `claims.sub` becomes, of claims alone, such as `{claims.iss}|{claims.sub}`: so that no two issuers name one subject.", R"({"type":"string"})"},
         [](const Scope& s, const Node& n, T& d) { d.issuer.rules.subject = SubjectRule::read(s, n); }},
    }};
}

constexpr auto kIssuerRows = issuer_rows<IssuerDraft>();

void read_issuers(const Scope& scope, const Node& node, Draft& into) {
    into.has_issuers = true;
    if (!node.is_sequence() || node.items.empty()) return scope.expected(node, "a list of issuers, each with its keys");
    for (size_t i = 0; i < node.items.size(); ++i) {
        IssuerDraft issuer(into.build);
        const Scope at(scope, i);
        issuer.mark = node.items[i]->mark;
        if (!config::read_object<IssuerDraft>(at, *node.items[i], issuer, "an issuer", kIssuerRows)) continue;
        if (issuer.issuer.rules.claims.issuers.empty()) {
            at.error(issuer.mark, "missing-key", "one issuer of several needs the key \"issuer\": it tells whose token one is");
        }
        for (const std::string& name : issuer.issuer.rules.claims.issuers) {
            const auto has = [&](const IssuerDraft& other) { return std::ranges::find(other.issuer.rules.claims.issuers, name) != other.issuer.rules.claims.issuers.end(); };
            if (std::ranges::any_of(into.issuers, has)) {
                at.error(issuer.mark, "equal-issuers", "two of the issuers are named \"" + name + "\": a token could be either's");
            }
        }
        into.issuers.push_back(std::move(issuer));
    }
}

void read_place(const Scope& scope, const Node& node, Draft& into) {
    const char* what = "a place such as { header: Authorization }, { cookie: session } or { query: access_token }";
    if (!node.is_mapping() || node.entries.size() != 1) return scope.expected(node, what);
    const config::Entry& e = node.entries[0];
    const auto name = config::read_string(Scope(scope, e.key), *e.value, "a name");
    if (!name) return;
    TokenPlace place{TokenPlace::Kind::header, *name};
    if (e.key == "header") place.kind = iequals(*name, "Authorization") ? TokenPlace::Kind::authorization : TokenPlace::Kind::header;
    else if (e.key == "cookie") place.kind = TokenPlace::Kind::cookie;
    else if (e.key == "query") place.kind = TokenPlace::Kind::query;
    else return scope.expected(node, what);
    if (name->empty() || (place.kind != TokenPlace::Kind::query && !config::is_header_name(*name))) {
        return scope.error(e.value->mark, "bad-name", "\"" + *name + "\" is no name of a " + e.key);
    }
    if (place.kind == TokenPlace::Kind::query) {
        scope.warning(node.mark, "token-in-query", "a token in the query stands in browsers' histories and other servers' logs");
    }
    if (place.kind == TokenPlace::Kind::header) into.build.reads_of_client(Scope(scope, e.key), *e.value);
    into.settings.from.push_back(std::move(place));
}

void read_from(const Scope& scope, const Node& node, Draft& into) {
    if (!node.is_sequence()) return read_place(scope, node, into);
    for (size_t i = 0; i < node.items.size(); ++i) read_place(Scope(scope, i), *node.items[i], into);
}

struct RevocationDraft : RevocationSettings {
    explicit RevocationDraft(gateway::PolicyBuild& b) : build(b) {}
    gateway::PolicyBuild& build;
};

void read_store(const Scope& scope, const Node& node, RevocationDraft& into) {
    into.store = into.build.store(scope, node);
    if (into.store >= 0 && into.build.config().stores[static_cast<size_t>(into.store)].redis.value.empty()) {
        scope.error(node.mark, "no-redis", "the store \"" + node.text + "\" is this process's memory, where nobody can write what is revoked",
                    "name a store with a redis URL, or write lists: tokens, subjects");
    }
}

constexpr std::string_view kPadding[] = {"refuse", "allow"};
constexpr std::string_view kFailures[] = {"deny", "allow"};
constexpr Field<RevocationDraft> kRevocation[] = {
    {{"store", "name", "none", "The store that is asked for `portico:revoked:jti:ID` and `portico:revoked:sub:SUBJECT`.", R"({"type":"string"})"},
     [](const Scope& s, const Node& n, RevocationDraft& d) { read_store(s, n, d); }},
    {{"on_store_failure", "deny or allow", "deny", "What happens while the store is out of reach.", R"({"enum":["deny","allow"]})"},
     [](const Scope& s, const Node& n, RevocationDraft& d) {
         if (auto w = config::read_word(s, n, kFailures)) d.allow_on_failure = *w == 1;
     }},
    {{"tokens", "list", "none", "Tokens that are refused, by `jti`.", kTexts},
     [](const Scope& s, const Node& n, RevocationDraft& d) { d.tokens = values_of(config::read_texts(s, n, "a token's jti")); }},
    {{"subjects", "list", "none", "Subjects whose tokens are refused, by `sub`.", kTexts},
     [](const Scope& s, const Node& n, RevocationDraft& d) { d.subjects = values_of(config::read_texts(s, n, "a subject")); }},
};

constexpr auto kShared = issuer_rows<Draft>();
constexpr Field<Draft> kOwn[] = {
    {{"issuers", "list of issuers", "", "Several issuers, chosen by `iss`: each with the keys above.", R"({"type":"array"})"}, read_issuers},
    {{"from", "place or list", "{ header: Authorization }", "Where the token stands: `{ header: NAME }`, `{ cookie: NAME }`, `{ query: NAME }`. In `Authorization` as `Bearer`.", "{}"}, read_from},
    {{"optional", "boolean", "false", "Whether a request without a token passes, without an identity. A bad token is refused all the same.", R"({"type":"boolean"})"},
     [](const Scope& s, const Node& n, Draft& d) { if (auto b = config::read_bool(s, n)) d.settings.optional = *b; }},
    {{"claims_to_headers", "mapping", "none", gateway::ClaimHeaders::kDoc, gateway::ClaimHeaders::kSchema},
     [](const Scope& s, const Node& n, Draft& d) { d.settings.headers = gateway::ClaimHeaders::read(s, n); }},
    {{"forward_token", "boolean", "false", "Whether the service gets the token too.", R"({"type":"boolean"})"},
     [](const Scope& s, const Node& n, Draft& d) { if (auto b = config::read_bool(s, n)) d.settings.forward_token = *b; }},
    {{"padding", "refuse or allow", "refuse", "Whether the parts of a token may be padded with `=`, as in `x-amzn-oidc-data` of AWS's load balancers.", R"({"enum":["refuse","allow"]})"},
     [](const Scope& s, const Node& n, Draft& d) {
         if (auto w = config::read_word(s, n, kPadding)) d.settings.padding = *w == 1 ? Padding::allow : Padding::refuse;
     }},
    {{"revocation", "mapping", "none", "Tokens that are refused before they expire: `tokens`, `subjects`, `store`, `on_store_failure`.", "{}"},
     [](const Scope& s, const Node& n, Draft& d) {
         RevocationDraft r(d.build);
         if (!config::read_object<RevocationDraft>(s, n, r, "revocation", kRevocation)) return;
         if (r.store < 0 && r.tokens.empty() && r.subjects.empty()) {
             return s.error(n.mark, "missing-key", "revocation needs a store or a list: tokens, subjects");
         }
         d.settings.revocation = r;
     }},
};

void judge_subjects(const Scope& scope, const Node& node, const Settings& settings) {
    std::vector<gateway::SubjectParty> parties;
    for (const IssuerSettings& i : settings.issuers) parties.push_back(i.party());
    if (!gateway::may_mix(parties)) return;
    std::vector<gateway::SubjectHeader> headers;
    settings.headers.subject_headers(parties, headers);
    const Node* written = node.get("claims_to_headers");
    for (const gateway::SubjectHeader& header : headers) {
        const config::Entry* entry = written->find(header.name);
        gateway::warn_of_shared_subject(Scope(scope, "claims_to_headers"), entry->key_mark, "the header " + std::string(header.name));
    }
}

std::vector<Field<Draft>> all_rows() {
    // `algorithms` is needed at the top only where there are no issuers.
    std::vector<Field<Draft>> rows(kShared.begin(), kShared.end());
    rows[0].required = false;
    rows.insert(rows.end(), std::begin(kOwn), std::end(kOwn));
    return rows;
}

}  // namespace

gateway::SubjectParty IssuerSettings::party() const {
    gateway::SubjectParty party;
    const std::vector<std::string>& names = rules.claims.issuers;
    std::vector<std::string> sorted = names;
    std::ranges::sort(sorted);
    for (const std::string& name : sorted) party.who.append("issuer ").append(name).append("\n");
    // Without a name he is known by his keys.
    if (names.empty()) party.who = remote ? "keys " + remote->identity() : "keys " + fixed.material();
    if (!rules.subject) return party;
    // An `iss` that nobody has verified says nothing.
    party.tells_issuer = rules.subject->names_issuer_later() && !names.empty();
    for (const std::string& name : names) party.beginnings.push_back(rules.subject->beginning(name));
    if (names.empty()) party.beginnings.push_back(rules.subject->beginning({}));
    return party;
}

std::optional<Settings> read_settings(const gateway::PolicySettings& from, config::FaultList& faults) {
    const size_t before = faults.errors();
    const Scope scope(faults, from.path);
    Draft draft(from.build);
    draft.mark = from.settings.mark;
    const auto rows = all_rows();
    if (!config::read_object<Draft>(scope, from.settings, draft, "jwt", rows)) return std::nullopt;
    if (draft.has_issuers) {
        if (draft.key_kinds > 0 || draft.algorithms_mark.line != 0) {
            scope.error(from.settings.mark, "jwt-keys", "keys and algorithms stand in each of the issuers, or at the top for one: not in both");
        }
        for (IssuerDraft& issuer : draft.issuers) {
            // What is said once at the top holds for all of them.
            ClaimRules& claims = issuer.issuer.rules.claims;
            const ClaimRules& top = draft.issuer.rules.claims;
            if (claims.audiences.empty()) claims.audiences = top.audiences;
            if (!issuer.leeway_written) claims.leeway = top.leeway;
            if (!issuer.max_age_written) claims.max_age = top.max_age;
            if (!issuer.issuer.rules.subject) issuer.issuer.rules.subject = draft.issuer.rules.subject;
            claims.required.insert(claims.required.end(), top.required.begin(), top.required.end());
            finish_issuer(Scope(scope, "issuers"), issuer);
            draft.settings.issuers.push_back(std::move(issuer.issuer));
        }
    } else {
        if (draft.algorithms_mark.line == 0) {
            scope.error(from.settings.mark, "missing-key", "jwt needs the key \"algorithms\"", "such as algorithms: [RS256]: the token does not choose");
        }
        finish_issuer(scope, draft);
        draft.settings.issuers.push_back(std::move(draft.issuer));
    }
    if (draft.settings.from.empty()) draft.settings.from.push_back({});
    judge_subjects(scope, from.settings, draft.settings);
    if (faults.errors() != before) return std::nullopt;
    return std::move(draft.settings);
}

config::ObjectText describe_settings() {
    const auto rows = all_rows();
    auto text = config::describe<Draft>("jwt", "jwt", "Verifies a token, and hands the identity on. One of `secret`, `public_key`, `keys`, `jwks`, `oidc`, or `issuers`.", rows);
    return text;
}

}  // namespace portico::policy::jwt
