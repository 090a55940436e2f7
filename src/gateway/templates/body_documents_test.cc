// The examples of docs/templates.md: a template, its document, and what comes out.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "gateway/templates/body_template_fixture.h"

namespace portico::gateway {
namespace {

struct Block {
    std::string language;
    std::string text;
};

std::vector<Block> blocks_of(const std::string& path) {
    std::ifstream file(path);
    std::vector<Block> blocks;
    bool inside = false;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("```")) {
            inside = !inside;
            if (inside) blocks.push_back({line.substr(3), ""});
        } else if (inside) {
            blocks.back().text += line + "\n";
        }
    }
    return blocks;
}

std::string in_one_spelling(const std::string& json) {
    const auto document = json::Document::parse(json);
    std::string out;
    if (document) json::append_value(out, document->root());
    return document ? out : "no JSON: " + json;
}

TEST(TemplatesDocument, EveryExampleGivesWhatItShows) {
    const auto blocks = blocks_of(std::string(PORTICO_SOURCE_DIR) + "/docs/templates.md");
    ASSERT_GE(blocks.size(), 24U);
    ASSERT_EQ(blocks.size() % 3, 0U);
    for (size_t i = 0; i < blocks.size(); i += 3) {
        ASSERT_EQ(blocks[i].language, "yaml");
        BodyFixture fixture({{"", blocks[i + 1].text}});
        EXPECT_EQ(in_one_spelling(fixture.render(blocks[i].text)), in_one_spelling(blocks[i + 2].text)) << blocks[i].text;
    }
}

}  // namespace
}  // namespace portico::gateway
