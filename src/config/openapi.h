// An OpenAPI document (3.0, 3.1) as far as contract checks need it: which operation a request meets, and what its good JSON answer
// is declared to hold. At load; nothing of it lives on in a snapshot. Layer 2.
//
// A schema is a node of the document. `$ref` within the document is followed, into other files not: there nothing is known.
// Cycles are fine: every question is about one step, and answering it has a bound.
#pragma once

#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/document.h"

namespace portico::config {

// What schemas say about one step into a value.
struct SchemaStep {
    // In the order from what promises most: `unsaid` where anything may stand, `undeclared` where others are declared and this one
    // is not, `refused` where no others may stand, `wrong_type` where no value of a type with such parts is declared.
    enum class Verdict : uint8_t { declared, unsaid, undeclared, refused, wrong_type };
    Verdict verdict = Verdict::unsaid;
    std::vector<const Node*> schemas{};     // of what stands there; one of them holds
    bool always = false;                    // it is required
    std::vector<std::string_view> names{};  // that are declared, for suggestions
};

class OpenApi {
  public:
    struct Operation {
        std::string method;                 // "GET"
        std::string path;                   // as it is declared, behind the server's own path
        std::vector<std::string> segments;  // of that path, as path_segments() gives them
        std::vector<const Node*> answers;   // the schemas of its 2xx answers in JSON
    };

    // @param name of the file, for messages
    // @errors why it cannot be, with its place: "users.yaml:12:3: …"
    static std::expected<std::shared_ptr<const OpenApi>, std::string> read(const std::string& path,
                                                                           const std::string& name);
    static std::expected<std::shared_ptr<const OpenApi>, std::string> parse(std::string source,
                                                                            const std::string& name);

    // The operations of the path that a request meets. `path` is a path of the configuration, whose segments with a `{` are any text;
    // the declared path with the most fixed segments is met. Empty where none is.
    // @param method empty: all of them
    std::vector<const Operation*> find(std::string_view method, std::string_view path) const;
    const std::vector<Operation>& operations() const { return operations_; }

    SchemaStep member(std::span<const Node* const> schemas, std::string_view name) const;
    SchemaStep element(std::span<const Node* const> schemas) const;
    // Every member or element.
    SchemaStep children(std::span<const Node* const> schemas) const;
    // These and all that can be inside of them, each once.
    std::vector<const Node*> all_inside(std::span<const Node* const> schemas) const;
    // The members that are required, in the order of the document.
    std::vector<std::string_view> required(std::span<const Node* const> schemas) const;

  private:
    friend class SchemaWalk;
    OpenApi() = default;
    void add_operations(const Node& root);
    void add_operation(std::string_view method, const std::string& path, const Node& operation);
    // The node that a `$ref` names. @returns nullptr where it is in another file, or nowhere
    const Node* target(std::string_view reference) const;
    const Node& resolved(const Node& node) const;

    std::shared_ptr<const Document> document_;
    std::vector<Operation> operations_;
};

// The segments of a path, up to its query; one that holds a `{` is "{}".
std::vector<std::string> path_segments(std::string_view path);

}  // namespace portico::config
