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

/** The form; with the store's choices where the product is known. Arguments as in Button\html. */
function html( array $wish, string $text, array $options, ?array $product ): string {
	$fields = hidden( 'catalog_id', $wish['id'] ) . hidden( 'quantity', $wish['quantity'] );
	foreach ( $product['option_sets'] ?? array() as $set ) {
		$fields .= choice( $set, $options, $product['currency'] );
	}
	return sprintf(
		'<form method="post" action="%s">%s<button class="wp-element-button">%s</button></form>',
		esc_url( Settings\service_url() . Service\store_path( '/buy' ) ),
		$fields,
		esc_html( $text )
	);
}

function hidden( string $name, string $value ): string {
	return sprintf( '<input type="hidden" name="%s" value="%s">', esc_attr( $name ), esc_attr( $value ) );
}

/** One option set: fixed, or to choose. A text to type has no place in the service's form. */
function choice( array $set, array $fixed, string $currency ): string {
	$number = (int) $set['option_set_id'];
	$values = '';
	foreach ( $set['options'] as $option ) {
		$value = $option['option_id'] . ':' . $option['name'];
		if ( (int) $option['option_id'] === ( $fixed[ $number ] ?? 0 ) ) {
			return hidden( "option-$number", $value );
		}
		$chosen  = $option['selected'] ? ' selected' : '';
		$values .= sprintf( '<option value="%s"%s>%s</option>', esc_attr( $value ), $chosen, esc_html( label( $option, $currency ) ) );
	}
	if ( '' === $values ) {
		return '';
	}
	$none = $set['required'] ? '' : '<option value="">–</option>';
	return sprintf( '<label>%s <select name="option-%d">%s%s</select></label> ', esc_html( $set['name'] ), $number, $none, $values );
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
