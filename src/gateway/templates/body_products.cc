#include "gateway/templates/body_products.h"

namespace portico::gateway {
namespace {

using json::Shape;

class Gatherer {
  public:
    std::vector<BodyTemplate::Product> take() { return std::move(products_); }

    // @param always  whether what holds `shape` is always there, once it is
    void visit(const Shape& shape, const std::string& path, bool always) {
        switch (shape.kind) {
            case Shape::Kind::object:
                for (const auto& [name, value] : shape.members) {
                    const std::string inside = member_of(path, name);
                    const bool there = always && is_always(*value);
                    products_.push_back({inside, there});
                    visit(*value, inside, there);
                }
                return;
            case Shape::Kind::list:
                // Of several, others may lack what one has.
                for (const auto& item : shape.items) visit(*item, path + "[]", always && shape.items.size() == 1);
                return;
            case Shape::Kind::loop: visit(*shape.loop->item, path + "[]", always); return;
            case Shape::Kind::get:
                if (shape.get->fallback != nullptr) visit(*shape.get->fallback, path, false);
                return;
            default: return;
        }
    }

  private:
    static bool is_always(const Shape& shape) {
        if (shape.kind == Shape::Kind::path) return !shape.path->is_singular();
        if (shape.kind != Shape::Kind::get) return true;
        if (shape.get->required || (shape.get->source && !shape.get->source->is_singular())) return true;
        return shape.get->fallback != nullptr && is_always(*shape.get->fallback);
    }
    static std::string member_of(const std::string& path, const std::string& name) {
        if (!name.empty() && name.find_first_of(".[]'") == std::string::npos) return path.empty() ? name : path + "." + name;
        std::string inside = path + "['";
        for (const char c : name) {
            if (c == '\'' || c == '\\') inside += '\\';
            inside += c;
        }
        return inside += "']";
    }

    std::vector<BodyTemplate::Product> products_;
};

}  // namespace

std::vector<BodyTemplate::Product> products_of(const json::Shape& shape) {
    Gatherer gatherer;
    gatherer.visit(shape, "", true);
    return gatherer.take();
}

}  // namespace portico::gateway
