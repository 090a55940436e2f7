#include "gateway/templates/body_template.h"

#include <algorithm>

#include "gateway/templates/body_compiler.h"
#include "gateway/templates/body_products.h"
#include "gateway/templates/document_paths.h"
#include "json/plan/plan.h"

namespace portico::gateway {
namespace {

// The texts of a template, for one rendering.
class Texts : public json::TextSource {
  public:
    Texts(const std::vector<BodyCompiler::Text>& texts, const Values& values) : texts_(texts), values_(values) {}

    Result<bool> append_text(uint32_t text, std::span<const json::Value> frame, std::string& out, uint64_t& cost) const override {
        Values values = values_;
        values.roots = frame;
        return texts_[text].text.append(values, out, cost);
    }

  private:
    const std::vector<BodyCompiler::Text>& texts_;
    const Values& values_;
};

class CompiledBody : public BodyTemplate {
  public:
    CompiledBody(json::ShapePtr shape, size_t documents, BodyCompiler::Findings findings)
        : findings_(std::move(findings)), products_(products_of(*shape)), plan_(json::Plan::make(std::move(shape), documents)) {}

    Result<void> render(const Values& values, std::string& out) const override {
        return plan_.render(values.roots, Texts(findings_.texts, values), out);
    }
    bool check_place(const PlaceValues& place, config::Mark, const config::Scope& scope) const override {
        bool good = true;
        for (const auto& [text, mark] : findings_.texts) good &= text.check_place(place, mark, scope);
        return good;
    }
    bool reads(size_t root) const override { return root < findings_.roots_read.size() && findings_.roots_read[root]; }
    std::vector<Read> read_paths() const override { return findings_.reads; }
    std::vector<Product> products() const override { return products_; }
    bool names_call(size_t call) const override {
        return std::ranges::any_of(findings_.texts, [&](const BodyCompiler::Text& t) { return t.text.names_call(call); });
    }
    bool names_claims() const override {
        return std::ranges::any_of(findings_.texts, [](const BodyCompiler::Text& t) { return t.text.names_claims(); });
    }
    bool names_response() const override {
        return std::ranges::any_of(findings_.texts, [](const BodyCompiler::Text& t) { return t.text.names_response(); });
    }
    void add_headers(std::vector<std::string>& names) const override {
        for (const BodyCompiler::Text& t : findings_.texts) t.text.add_headers(names);
    }

  private:
    BodyCompiler::Findings findings_;
    std::vector<Product> products_;
    json::Plan plan_;
};

class CompiledCondition : public DocumentCondition {
  public:
    explicit CompiledCondition(json::BoundCondition condition) : condition_(std::move(condition)) {}

    Result<bool> holds(const Values& values) const override {
        uint64_t cost = 0;
        const auto holds = condition_.holds(values.roots, {}, cost);
        if (holds) return *holds;
        const std::string why = condition_.text() + ": " + std::string(json::what(holds.error()));
        return fail(Error::told(Fault::answer_mapping, why, why));
    }
    bool reads(size_t root) const override { return std::ranges::find(condition_.places(), root) != condition_.places().end(); }
    std::vector<std::string> read_paths() const override { return condition_.shown(); }

  private:
    json::BoundCondition condition_;
};

}  // namespace

std::unique_ptr<const BodyTemplate> BodyTemplate::compile(const config::Scope& scope, const config::Node& node, const TemplatePlace& place) {
    BodyCompiler compiler(place);
    auto shape = compiler.body(scope, node);
    if (shape == nullptr) return nullptr;
    const size_t documents = place.roots != nullptr ? place.roots->size() : 0;
    return std::make_unique<CompiledBody>(std::move(shape), documents, compiler.take_findings());
}

std::unique_ptr<const DocumentCondition> DocumentCondition::compile(const config::Scope& scope, const config::Text& text,
                                                                    const TemplatePlace& place) {
    auto condition = read_condition(scope, text, place);
    if (!condition) return nullptr;
    return std::make_unique<CompiledCondition>(*std::move(condition));
}

}  // namespace portico::gateway
