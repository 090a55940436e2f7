// Faults of a configuration: where, what, what was expected, and the likely correction. Every part that judges a
// configuration (schema, routes, policies) adds to one FaultList, so that `portico check` shows all of them at once. It goes wherever the
// file is judged, so it knows as well what must not be shown of it, and where the files lie that it names.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
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
    // With those that are not told, since they follow from another.
    size_t errors() const { return errors_; }
    const std::vector<Located>& all() const { return faults_; }
    // A value of the environment or of a file, which may be a secret: in what is told it reads `shown`, such as ${NAME}. A short one
    // does where it stands alone, and one of less than four bytes is told, for these stand in many words by chance. So are words of the
    // language, such as true, and what the file itself says at the place of a fault.
    void hide(std::string_view value, std::string_view shown);
    // What the file says between the two places is a secret: where its lines are shown, it is asterisks. Nothing for a place in no line.
    // @param end  exclusive; of one that is not behind `begin`, `end_column` of `begin` counts
    void hide_source(const Mark& begin, const Mark& end) {
        const bool behind = std::pair(end.line, end.column) > std::pair(begin.line, begin.column);
        secrets_.push_back({begin.line, begin.column, behind ? end.line : begin.line, behind ? end.column : begin.end_column});
    }
    struct Secret {
        uint32_t line, column, end_line, end_column;
    };
    const std::vector<Secret>& secrets() const { return secrets_; }
    // A variable of the value that begins there could not be replaced, and a fault says so: whatever else is found wrong with the value is
    // counted and not told.
    void set_unset(const Mark& mark) { unset_.emplace(mark.line, mark.column); }
    // The file was not read to its end: nobody knows which of its texts are secrets but by their keys' names.
    void set_unread() { unread_ = true; }
    bool unread() const { return unread_; }
    // The text that all marks are places in. @requires that it was read to its end
    void set_source(std::string text);
    // A text for people or programs, with names in place of what is hidden, and without the passwords of URLs.
    std::string covered(std::string_view text) const;
    // Where file names of the configuration begin: the folder of the file that names them. Empty: the working directory, which stands for
    // a configuration that no folder holds (standard input, a pipe of the shell's).
    void set_folder(std::string_view configuration_file);
    // @returns the path of a file that the configuration names
    std::string beside(std::string_view name) const;
    // By place in the file; faults of one place stay in the order of their discovery.
    void sort();

  private:
    static constexpr size_t kShortest = 4;      // bytes
    static constexpr size_t kShortInWord = 8;  // from here on it is hidden within other words too

    void add(Located f);
    std::string covered(std::string_view text, std::string_view written) const;
    std::string_view written_at(const Mark& mark) const;
    // Hides pieces of hidden values too, in whatever case: what a value was taken apart into is told in quotes, or in a hint.
    std::string without_pieces(std::string text, std::string_view written, bool quoted_alone) const;
    const std::string* owner_of(std::string_view piece) const;
    // Of the place of a fault: the secrets that the file says there, as they are written.
    std::vector<std::string_view> secrets_at(const Mark& mark) const;

    std::vector<Located> faults_;
    struct LongestFirst {  // which may hold others
        bool operator()(std::string_view a, std::string_view b) const { return a.size() != b.size() ? a.size() > b.size() : a < b; }
        using is_transparent = void;
    };
    std::map<std::string, std::string, LongestFirst> hidden_;  // with what is shown
    std::map<std::string, std::string, std::less<>> pieces_;   // of them, in lower case, with the same
    std::vector<Secret> secrets_;
    std::set<std::pair<uint32_t, uint32_t>> unset_;  // lines and columns
    bool unread_ = false;
    struct Source {
        std::string text;
        std::vector<std::string_view> lines;
    };
    std::shared_ptr<const Source> source_;
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
