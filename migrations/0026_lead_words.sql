-- 0026_lead_words.sql - words of names and companies, by which people are found.
-- SPDX-License-Identifier: Apache-2.0

-- word: folded. A word that a lead's name has no longer may stay: what is found is compared with the name as it is now.
-- @sqlite
CREATE TABLE lead_words (
    tenant_id UUID NOT NULL,
    word TEXT NOT NULL,
    lead_id UUID NOT NULL,
    PRIMARY KEY (tenant_id, word, lead_id)
) WITHOUT ROWID;
-- @postgres
CREATE TABLE lead_words (
    tenant_id UUID NOT NULL,
    word TEXT COLLATE "C" NOT NULL,
    lead_id UUID NOT NULL,
    PRIMARY KEY (tenant_id, word, lead_id)
);
-- @both
-- @tenant_table lead_words

-- Of those who are there already: ASCII that is no letter or digit stands between words, as src/lead/words.c has it.
-- @sqlite
WITH RECURSIVE
    dots (tenant_id, id, text) AS (SELECT tenant_id, id, replace(replace(replace(replace(replace(replace(replace(replace(
        name_key || ' ' || company_key || ' ', '.', ' '), ',', ' '), ';', ' '), ':', ' '), '!', ' '), '?', ' '), '''', ' '), '"', ' ')
        FROM leads WHERE name_key <> '' OR company_key <> ''),
    brackets (tenant_id, id, text) AS (SELECT tenant_id, id, replace(replace(replace(replace(replace(replace(replace(replace(
        text, '(', ' '), ')', ' '), '[', ' '), ']', ' '), '{', ' '), '}', ' '), '<', ' '), '>', ' ') FROM dots),
    lines (tenant_id, id, text) AS (SELECT tenant_id, id, replace(replace(replace(replace(replace(replace(replace(replace(
        text, '-', ' '), '_', ' '), '/', ' '), '\', ' '), '|', ' '), '~', ' '), '^', ' '), '`', ' ') FROM brackets),
    signs (tenant_id, id, text) AS (SELECT tenant_id, id, replace(replace(replace(replace(replace(replace(replace(replace(
        text, '&', ' '), '+', ' '), '*', ' '), '#', ' '), '@', ' '), '=', ' '), '%', ' '), '$', ' ') FROM lines),
    split (tenant_id, id, word, rest) AS (
        SELECT tenant_id, id, '', replace(replace(replace(text, char(9), ' '), char(10), ' '), char(13), ' ') FROM signs
        UNION ALL
        SELECT tenant_id, id, substr(rest, 1, instr(rest, ' ') - 1), substr(rest, instr(rest, ' ') + 1) FROM split WHERE rest <> '')
INSERT INTO lead_words (tenant_id, word, lead_id) SELECT DISTINCT tenant_id, word, id FROM split
    WHERE length(CAST(word AS BLOB)) >= 2 AND word NOT IN ('da', 'de', 'do') ORDER BY 1, 2, 3;
-- @postgres
INSERT INTO lead_words (tenant_id, word, lead_id) SELECT DISTINCT s.tenant_id, s.word, s.id FROM (SELECT l.tenant_id, l.id,
    regexp_split_to_table((l.name_key || ' ' || l.company_key) COLLATE "C", '[\u0001-\u002f\u003a-\u0060\u007b-\u007f]+')
    AS word FROM leads l WHERE l.name_key <> '' OR l.company_key <> '') AS s
    WHERE octet_length(s.word) >= 2 AND s.word NOT IN ('da', 'de', 'do') ORDER BY 1, 2, 3;
-- @both
