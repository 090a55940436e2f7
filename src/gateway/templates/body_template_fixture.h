// Body templates for tests: compiled from YAML, rendered over JSON.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/document.h"
#include "config/fault.h"
#include "gateway/templates/body_template.h"

namespace portico::gateway {

class BodyFixture {
  public:
    // Documents by name, "" for `$`; no text is a document that is not there.
    explicit BodyFixture(std::vector<std::pair<std::string, std::string>> documents = {}) {
        for (auto& [name, text] : documents) {
            names_.push_back(name);
            documents_.push_back(text.empty() ? json::Document() : json::Document::parse(text).value());
            values_.push_back(documents_.back().root());
        }
        place_.roots = &names_;
    }

    std::unique_ptr<const BodyTemplate> compile(const std::string& yaml) {
        faults_.emplace_back();
        yaml_.push_back(config::Document::parse(yaml, [](std::string_view) { return std::optional<std::string>(); }, faults_.back()));
        if (!yaml_.back()->has_root()) return nullptr;
        return BodyTemplate::compile(config::Scope(faults_.back(), "body"), yaml_.back()->root(), place_);
    }
    // The JSON text, or what is wrong: "error: …" at load, "failed: …" with the text for the client when rendered.
    std::string render(const std::string& yaml) {
        const auto body = compile(yaml);
        if (body == nullptr) return "error: " + faults();
        std::string out;
        if (auto made = body->render(values(), out); !made) {
            return "failed: " + std::string(made.error().code()) + ": " + made.error().client_detail;
        }
        return out;
    }
    // The last compilation's, as "line:column message (hint)".
    std::string faults() const {
        std::string text;
        for (const auto& f : faults_.back().all()) {
            text += std::to_string(f.mark.line) + ":" + std::to_string(f.mark.column) + " " + f.message;
            text += f.hint.empty() ? "; " : " (" + f.hint + "); ";
        }
        return text;
    }
    Values values() const {
        Values v;
        v.roots = values_;
        v.calls = calls;
        return v;
    }
    TemplatePlace& place() { return place_; }
    std::vector<CallResult> calls;

  private:
    std::vector<std::string> names_;
    std::deque<json::Document> documents_;
    std::vector<json::Value> values_;
    TemplatePlace place_;
    std::deque<config::FaultList> faults_;
    std::deque<std::shared_ptr<const config::Document>> yaml_;
};

}  // namespace portico::gateway
