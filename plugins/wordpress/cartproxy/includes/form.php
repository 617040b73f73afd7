<?php
/**
 * A plain form that makes the cart and leads to the checkout, for readers without scripts.
 */

declare(strict_types=1);

namespace Cartproxy\Form;

use Cartproxy\Products;
use Cartproxy\Service;
use Cartproxy\Settings;

defined( 'ABSPATH' ) || exit;

const MAX_TEXT = 255; // characters of an option's text that the service takes

/** The form; with the store's choices where the product is known. Arguments as in Button\html. */
function html( array $attributes, string $text, array $options, ?array $product ): string {
	$fields = hidden( 'catalog_id', $attributes['id'] ) . hidden( 'quantity', $attributes['quantity'] );
	foreach ( $product['option_sets'] ?? array() as $set ) {
		$fields .= choice( $set, $options, $product );
	}
	return sprintf(
		'<form method="post" action="%s" accept-charset="utf-8">%s<button class="wp-element-button">%s</button></form>',
		esc_url( Settings\service_url() . Service\store_path( '/buy' ) ),
		$fields,
		esc_html( $text )
	);
}

function hidden( string $name, string $value ): string {
	return sprintf( '<input type="hidden" name="%s" value="%s">', esc_attr( $name ), esc_attr( $value ) );
}

/** Whether the product has options that can only be chosen on the store's own page. */
function at_store( array $set ): bool {
	$known = array( 'single', 'multiple', 'text', 'multiline', 'heading' );
	return ! in_array( $set['kind'], $known, true ) || ( in_array( $set['kind'], array( 'single', 'multiple' ), true ) && ! $set['options'] );
}

/** Whether the product can't be bought by a form, with these options fixed. */
function leads_to_store( ?array $product, array $fixed ): bool {
	if ( null !== $product && ! $product['available'] ) {
		return true;
	}
	foreach ( $product['option_sets'] ?? array() as $set ) {
		if ( $set['required'] && at_store( $set ) && ! isset( $fixed[ $set['option_set_id'] ] ) ) {
			return true;
		}
	}
	return false;
}

/** One option set, by its kind: fixed, or to choose. Only what the store marks is preselected. */
function choice( array $set, array $fixed, array $product ): string {
	$number = $set['option_set_id'];
	$name   = esc_html( $set['name'] );
	if ( 'heading' === $set['kind'] ) {
		return "<strong>$name</strong> ";
	}
	foreach ( $set['options'] as $option ) {
		if ( $option['option_id'] === ( $fixed[ $number ] ?? 0 ) ) {
			return hidden( "option-$number", $option['option_id'] . ':' . $option['name'] );
		}
	}
	if ( at_store( $set ) ) {
		$link = sprintf( '<a href="%s">%s</a>', esc_url( $product['product_url'] ), esc_html__( 'at the shop', 'cartproxy' ) );
		return "<span>$name: $link</span> ";
	}
	$fields = '';
	foreach ( entries( $set ) as $option ) {
		$fields .= field( $set, $option, $product );
	}
	if ( 'single' === $set['kind'] ) {
		$marked = $set['required'] && str_contains( $fields, '" selected>' );
		$none   = $marked ? '' : '<option value="">–</option>';
		$must   = $set['required'] ? ' required' : '';
		return sprintf( '<label>%s <select name="option-%d"%s>%s%s</select></label> ', $name, $number, $must, $none, $fields );
	}
	return 'multiple' === $set['kind'] ? "<fieldset><legend>$name</legend>$fields</fieldset> " : $fields;
}

/** A set's options; a text set without options counts as one option. */
function entries( array $set ): array {
	$own = array(
		'option_id'        => $set['option_set_id'],
		'name'             => $set['name'],
		'price_difference' => '0',
		'selected'         => false,
	);
	return $set['options'] ? $set['options'] : array( $own );
}

/** An entry of a set: a choice, a box to tick, or a text to type. */
function field( array $set, array $option, array $product ): string {
	$label = esc_html( label( $option, $product['currency'] ) );
	$value = esc_attr( $option['option_id'] . ':' . $option['name'] );
	if ( 'single' === $set['kind'] ) {
		if ( in_array( array( $option['option_id'] ), array_column( $product['variants'], 'option_ids' ), true ) ) {
			return sprintf( '<option value="%s" disabled>%s – %s</option>', $value, $label, esc_html__( 'sold out', 'cartproxy' ) );
		}
		return sprintf( '<option value="%s"%s>%s</option>', $value, $option['selected'] ? ' selected' : '', $label );
	}
	if ( 'multiple' === $set['kind'] ) {
		$checked = $option['selected'] ? ' checked' : '';
		return sprintf( '<label><input type="checkbox" name="option-%d" value="%s"%s> %s</label> ', $set['option_set_id'], $value, $checked, $label );
	}
	$limit  = min( $set['max_length'] > 0 ? $set['max_length'] : MAX_TEXT, MAX_TEXT );
	$must   = $set['required'] && count( entries( $set ) ) === 1 ? ' required' : '';
	$given  = sprintf( 'name="option-%d-%d" maxlength="%d"%s', $set['option_set_id'], $option['option_id'], $limit, $must );
	$typed  = 'multiline' === $set['kind'] ? "<textarea $given></textarea>" : "<input $given>";
	$before = $option['name'] === $set['name'] ? '' : esc_html( $set['name'] ) . ': ';
	return "<label>$before$label $typed</label> ";
}

/** An option's name, and what it adds to the price. */
function label( array $option, string $currency ): string {
	$more = (float) $option['price_difference'];
	if ( 0.0 === $more ) {
		return $option['name'];
	}
	$amount = Products\money( ltrim( $option['price_difference'], '-' ), $currency );
	return sprintf( '%s (%s%s)', $option['name'], $more > 0 ? '+' : '−', $amount );
}
