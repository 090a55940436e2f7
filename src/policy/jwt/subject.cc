#include "policy/jwt/subject.h"

#include <algorithm>

#include "config/read.h"
#include "json/writer.h"

namespace portico::policy::jwt {

using gateway::Source;
using gateway::TemplatePart;

namespace {

bool is_issuer(const TemplatePart& p) { return p.claim && p.claim->names().size() == 1 && p.claim->names().front() == "iss"; }

}  // namespace

std::optional<SubjectRule> SubjectRule::read(const config::Scope& scope, const config::Node& node) {
    constexpr std::string_view kSuch = "subject: \"{claims.iss}|{claims.sub}\"";
    const auto text = config::read_text(scope, node, "a template such as \"{claims.iss}|{claims.sub}\"", config::Braces::notation);
    if (!text) return std::nullopt;
    const size_t before = scope.faults().errors();
    gateway::Template parsed = gateway::Template::parse(scope, *text, {.deferred = true});
    if (scope.faults().errors() != before) return std::nullopt;
    const auto is_claim = [](const TemplatePart& p) { return p.source == Source::claim; };
    const auto fits = [&](const TemplatePart& p) { return p.source == Source::literal || is_claim(p); };
    if (std::ranges::all_of(parsed.parts(), fits) && std::ranges::any_of(parsed.parts(), is_claim)) return SubjectRule(std::move(parsed));
    scope.error(node.mark, "bad-subject", "a subject is made of the token's claims and nothing else of the request", std::string(kSuch));
    return std::nullopt;
}

std::string SubjectRule::beginning(std::string_view issuer) const {
    std::string text;
    for (const TemplatePart& p : text_.parts()) {
        if (is_issuer(p) && !issuer.empty()) text += issuer;
        else if (p.source == Source::literal) text += p.text;
        else break;
    }
    return text;
}

bool SubjectRule::names_issuer_later() const {
    const auto is_chosen = [](const TemplatePart& p) { return p.claim && !is_issuer(p); };
    return std::any_of(std::ranges::find_if(text_.parts(), is_chosen), text_.parts().end(), is_issuer);
}

Result<json::Document> SubjectRule::apply(const json::Document& claims) const {
    std::string subject;
    for (const TemplatePart& p : text_.parts()) {
        if (p.source == Source::literal) {
            subject += p.text;
            continue;
        }
        const auto value = gateway::claim_text(p.claim->find(claims));
        if (!value || value->empty()) return fail(Fault::token_claim, "subject: " + p.claim->text() + " has no value");
        subject += *value;
    }
    std::string text;
    json::Writer w(text);
    w.begin_object();
    for (const json::Member m : claims.root().members()) {
        if (m.name != "sub") w.key(m.name).raw(m.value.source());
    }
    w.key("sub").value(subject).end_object();
    auto made = json::Document::parse(text, {.max_depth = 32});
    if (!made) return fail(Fault::token_claim, "subject: the claims hold it no more");
    return std::move(*made);
}

}  // namespace portico::policy::jwt
