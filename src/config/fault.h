// Faults of a configuration: where, what, what was expected, and the likely correction. Every part that judges a
// configuration (schema, routes, policies) adds to one FaultList, so that `portico check` shows all of them at once. It goes wherever the
// file is judged, so it knows as well what must not be shown of it, and where the files lie that it names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace portico::config {

// A place in the file: 1-based; column counts Unicode code points. `end_column` is exclusive, for the caret line.
struct Mark {
    uint32_t line = 0;  // 0: the file as a whole
    uint32_t column = 0;
    uint32_t end_column = 0;
};

enum class Severity : uint8_t { error, warning };

struct Located {
    Severity severity = Severity::error;
    Mark mark;
    std::string path;     // "routes[3].forward.service"
    std::string code;     // stable: "unknown-key", "duplicate-key", "bad-duration", "route-ambiguous", …
    std::string message;  // one sentence: what is wrong and what was expected
    std::string hint;     // the likely correction, or empty
};

class FaultList {
  public:
    void error(Mark mark, std::string path, std::string code, std::string message, std::string hint = {}) {
        add({Severity::error, mark, std::move(path), std::move(code), std::move(message), std::move(hint)});
    }
    void warning(Mark mark, std::string path, std::string code, std::string message, std::string hint = {}) {
        add({Severity::warning, mark, std::move(path), std::move(code), std::move(message), std::move(hint)});
    }
    bool has_errors() const { return errors_ > 0; }
    size_t errors() const { return errors_; }
    const std::vector<Located>& all() const { return faults_; }
    // A value of the environment, which may be a secret: in what is told it reads `shown`, such as ${NAME}. Short values are told,
    // for they stand in many words by chance.
    void hide(std::string_view value, std::string_view shown);
    // What the file says there is a secret: where its line is shown, it is asterisks. Nothing for a place in no line.
    void hide_source(const Mark& secret) { secrets_.push_back(secret); }
    const std::vector<Mark>& secrets() const { return secrets_; }
    // Where file names of the configuration begin: the folder of the file that names them. Empty: the working directory, which stands for
    // a configuration that no folder holds (standard input, a pipe of the shell's).
    void set_folder(std::string_view configuration_file);
    // @returns the path of a file that the configuration names
    std::string beside(std::string_view name) const;
    // By place in the file; faults of one place stay in the order of their discovery.
    void sort();

  private:
    static constexpr size_t kShortestSecret = 8;  // bytes

    void add(Located f);
    void cover(std::string& text) const;

    std::vector<Located> faults_;
    std::vector<std::pair<std::string, std::string>> hidden_;  // with what is shown; the longest first, which may hold others
    std::vector<Mark> secrets_;
    std::string folder_;
    size_t errors_ = 0;
};

// The faults as text for a person, each as
//     portico.yaml:12:7: error: unknown key "rewite" in a route
//        12 |       rewite: /x
//           |       ^~~~~~
//        hint: did you mean "rewrite"?                       [unknown-key]
// @param source  the file's whole text
std::string render(const FaultList& faults, std::string_view file_name, std::string_view source);
// The same for programs: a JSON array.
std::string render_json(const FaultList& faults, std::string_view file_name);

}  // namespace portico::config
