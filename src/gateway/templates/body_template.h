// Body templates (LANGUAGE.md §4): mappings, lists and scalars of the configuration that make JSON out of the documents at hand.
// Judged and compiled at load into a json::Plan; applied for each request. One engine for all bodies: `respond`, `errors`,
// a transform's request and response, an aggregate's calls and answer. Immutable, used by every worker at once.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/document.h"
#include "config/schema.h"
#include "gateway/templates/template_string.h"

namespace portico::gateway {

class BodyTemplate {
  public:
    virtual ~BodyTemplate() = default;

    // Faults go to `scope`, each at its mark. `place.roots` are the documents that may be asked.
    // @returns nullptr exactly after a fault
    static std::unique_ptr<const BodyTemplate> compile(const config::Scope& scope, const config::Node& node, const TemplatePlace& place);

    // Appends the body's JSON text. `values.roots` are the documents, by place.roots' places.
    // @errors answer_mapping: a required value is missing, or one does not fit where it should go (the text names its path, such as
    // `$.user.id`, in client_detail too); value_refused or claim_refused: a `{…}` that no text can hold
    virtual Result<void> render(const Values& values, std::string& out) const = 0;
    // Judges a policy's template where the policy stands (TemplatePlace::deferred). @returns false after a fault
    virtual bool check_place(const PlaceValues& place, config::Mark mark, const config::Scope& scope) const = 0;
    // Whether it reads the root of that place: a document that nothing reads need not be parsed.
    virtual bool reads(size_t root) const = 0;
    // Whether it names the status or a header field of that call of TemplatePlace::calls.
    virtual bool names_call(size_t call) const = 0;
    // Every path that it reads from the roots (not from for_each variables, which are written out to the root that they come from),
    // with where it stands: for contract checks. Such as {"$.orders[*].id", mark}.
    struct Read {
        std::string path;   // JSONPath, normalised text
        config::Mark mark;
        bool required = false;
    };
    virtual std::vector<Read> read_paths() const = 0;
    // The members that it always, or sometimes, produces: "name.first", "orders[].id". For contract checks.
    struct Product {
        std::string path;
        bool always = false;
    };
    virtual std::vector<Product> products() const = 0;
    virtual bool names_claims() const = 0;
    // Whether it names the status or a header field of a response, as Template::names_response.
    virtual bool names_response() const = 0;
    // Adds the request's headers that it names, each once.
    virtual void add_headers(std::vector<std::string>& names) const = 0;
};

// A condition: a JSONPath filter expression (RFC 9535 §2.3.5) over the documents at hand, such as `$user.plan == 'gold' && $cart.items[0]`.
// A query alone asks whether it selects anything, as in a filter.
class DocumentCondition {
  public:
    virtual ~DocumentCondition() = default;
    static std::unique_ptr<const DocumentCondition> compile(const config::Scope& scope, const config::Text& text, const TemplatePlace& place);
    // @errors answer_mapping, where judging it would take too many steps
    virtual Result<bool> holds(const Values& values) const = 0;
    virtual bool reads(size_t root) const = 0;
    // The paths that it asks, as BodyTemplate::Read::path. For contract checks.
    virtual std::vector<std::string> read_paths() const = 0;
};

}  // namespace portico::gateway
